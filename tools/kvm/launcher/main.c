// SPDX-License-Identifier: GPL-2.0-only
/*
 * svmvcpu-kvm: starts a program that uses /dev/kvm on svmvcpu.
 *
 *	svmvcpu-kvm PROGRAM [ARGUMENT...]
 *
 * It adds libsvmvcpu-kvm.so to LD_PRELOAD. The dynamic linker ignores that for programs
 * that change their user, and never sees static ones, so these are refused.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <linux/elf.h>

/* Statuses of the shell for a program that cannot be started */
#define EXIT_CANNOT	126
#define EXIT_NOT_FOUND	127

#define LIBRARY		"libsvmvcpu-kvm.so"
#define MAX_HEADERS	64

static int complain(const char *name, const char *why)
{
	fprintf(stderr, "svmvcpu-kvm: %s: %s\n", name, why);
	return EXIT_CANNOT;
}

/* --- the program ---------------------------------------------------------- */

/* Reads exactly @len bytes. */
static bool read_at(int fd, void *buf, size_t len, off_t offset)
{
	return pread(fd, buf, len, offset) == (ssize_t)len;
}

/* NULL, or why LD_PRELOAD has no effect on this ELF file */
static const char *elf_problem(int fd)
{
	struct elf64_phdr headers[MAX_HEADERS];
	struct elf64_hdr ehdr;
	unsigned int i;

	if (!read_at(fd, &ehdr, sizeof(ehdr), 0) || memcmp(ehdr.e_ident, ELFMAG, SELFMAG))
		return NULL;	/* a script: its interpreter is started, with the library */
	if (ehdr.e_ident[EI_CLASS] != ELFCLASS64 || ehdr.e_machine != EM_X86_64)
		return "is not a 64-bit program, and the library is 64-bit code";
	if (ehdr.e_phentsize != sizeof(*headers) || ehdr.e_phnum > MAX_HEADERS ||
	    !read_at(fd, headers, ehdr.e_phnum * sizeof(*headers), ehdr.e_phoff))
		return "has no valid ELF header";
	for (i = 0; i < ehdr.e_phnum; i++)
		if (headers[i].p_type == PT_INTERP)
			return NULL;
	return "is static, so that no library can be added: use a dynamically linked one";
}

/* NULL, or why the dynamic linker ignores LD_PRELOAD for this file */
static const char *privilege_problem(int fd)
{
	struct stat st;

	if (fstat(fd, &st))
		return strerror(errno);
	if (((st.st_mode & S_ISUID) && st.st_uid != geteuid()) ||
	    ((st.st_mode & S_ISGID) && st.st_gid != getegid()))
		return "is setuid or setgid, so that no library can be added";
	if (geteuid() && fgetxattr(fd, "security.capability", NULL, 0) > 0)
		return "has file capabilities, so that no library can be added";
	return NULL;
}

static int check_program(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	const char *problem;

	/* A program may be executable and not readable. */
	if (fd < 0)
		return 0;
	problem = privilege_problem(fd);
	if (!problem)
		problem = elf_problem(fd);
	close(fd);
	return problem ? complain(path, problem) : 0;
}

/* Finds the file that execvp() would start. */
static bool find_program(const char *name, char *path, size_t len)
{
	const char *dir = getenv("PATH"), *end;

	if (strchr(name, '/'))
		return snprintf(path, len, "%s", name) < (int)len && !access(path, F_OK);
	for (dir = dir ? dir : "/bin:/usr/bin"; *dir; dir = *end ? end + 1 : end) {
		end = strchrnul(dir, ':');
		if (snprintf(path, len, "%.*s%s%s", (int)(end - dir), dir,
			     end == dir ? "" : "/", name) < (int)len && !access(path, X_OK))
			return true;
	}
	return false;
}

/* --- the library ---------------------------------------------------------- */

/* Beside the directory of this program: bin/svmvcpu-kvm, lib/libsvmvcpu-kvm.so */
static bool find_library(char *path, size_t len)
{
	char self[PATH_MAX];
	ssize_t got = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;
	int up;

	if (got < 0)
		return false;
	self[got] = 0;
	for (up = 0; up < 2; up++) {
		slash = strrchr(self, '/');
		if (!slash)
			return false;
		*slash = 0;
	}
	return snprintf(path, len, "%s/lib/" LIBRARY, self) < (int)len && !access(path, R_OK);
}

static int set_preload(const char *library)
{
	const char *before = getenv("LD_PRELOAD");
	char value[2 * PATH_MAX];
	int len;

	if (strpbrk(library, " :"))
		return complain(library, "LD_PRELOAD cannot contain a path with blanks or colons");
	len = snprintf(value, sizeof(value), "%s%s%s", library, before ? ":" : "",
		       before ? before : "");
	if (len >= (int)sizeof(value))
		return complain("LD_PRELOAD", "is too long");
	if (setenv("LD_PRELOAD", value, 1))
		return complain("LD_PRELOAD", strerror(errno));
	return 0;
}

int main(int argc, char **argv)
{
	char library[PATH_MAX], program[PATH_MAX];
	int status;

	if (argc < 2 || argv[1][0] == '-') {
		fprintf(stderr, "usage: svmvcpu-kvm PROGRAM [ARGUMENT...]\n");
		return EXIT_CANNOT;
	}
	if (!find_program(argv[1], program, sizeof(program))) {
		complain(argv[1], "not found");
		return EXIT_NOT_FOUND;
	}
	if (!find_library(library, sizeof(library)))
		return complain(LIBRARY, "not found in ../lib, beside this program's directory");
	status = check_program(program);
	if (!status)
		status = set_preload(library);
	if (status)
		return status;
	execv(program, argv + 1);
	complain(program, strerror(errno));
	return errno == ENOENT ? EXIT_NOT_FOUND : EXIT_CANNOT;
}
