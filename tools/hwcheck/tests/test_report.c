// SPDX-License-Identifier: GPL-2.0-only
/* The report as a file: its contents, and failing writes */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <signal.h>
#include <unistd.h>

#include "hwcheck.h"
#include "tap.h"

static char content[20000];

static const char *read_back(const char *path)
{
	FILE *file = fopen(path, "r");
	size_t len = file ? fread(content, 1, sizeof(content) - 1, file) : 0;

	content[len] = 0;
	if (file)
		fclose(file);
	return content;
}

static void test_content(void)
{
	struct report r;

	OK(!report_open(&r, "one.txt"), "a report");
	report_title(&r, "Title");
	report_say(&r, "# said %d\n", 1);
	report_json(&r, "a");
	report_str(&r, "key", "\"quoted\" 10.0.0.7");
	report_json_end(&r);
	report_sync(&r);
	OK(!strcmp(read_back("one.txt"), "\n== Title\n\n# said 1\n"),
	   "text is written at once, JSON is not");
	report_json(&r, "b");
	report_json_end(&r);
	OK(!report_close(&r), "closed");
	read_back("one.txt");
	OK(strstr(content, "\n{\"type\":\"a\",\"key\":\"\\\"quoted\\\" xxxxxxxx\"}\n"
			   "{\"type\":\"b\"}\n"),
	   "closing writes it, a line each");
}

static void test_names(void)
{
	struct report first, second, third;
	char *longer = calloc(1, 1000);

	OK(report_open(&first, "one.txt") == -EEXIST, "no file is overwritten");
	OK(report_open(&first, "nowhere/one.txt") == -ENOENT, "no directory");
	memset(longer, 'x', 999);
	OK(report_open(&first, longer) == -ENAMETOOLONG, "a path that is too long");
	free(longer);
	OK(!report_open(&first, NULL) && !strcmp(first.path, "svmvcpu-hwcheck.txt"), "a name");
	OK(!report_open(&second, NULL) && !strcmp(second.path, "svmvcpu-hwcheck-2.txt"),
	   "a free one");
	OK(!report_close(&first) && !report_close(&second), "both closed");
	OK(symlink("/nonexistent", "svmvcpu-hwcheck-3.txt") == 0 && !report_open(&third, NULL) &&
	   !strcmp(third.path, "svmvcpu-hwcheck-4.txt"), "a link is not followed");
	report_close(&third);
}

/* EFBIG stands for any error of a write. */
static void test_no_room(void)
{
	struct rlimit old, small = { .rlim_cur = 64 };
	char text[] = "sixty-three characters and one more, that is all that will fit in";
	struct report r;

	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &old);
	small.rlim_max = old.rlim_max;
	OK(!report_open(&r, "full.txt"), "a report");
	setrlimit(RLIMIT_FSIZE, &small);
	report_say(&r, "# %.40s\n", text);
	OK(!r.error, "writes succeed up to the limit");
	report_say(&r, "# %s\n", text);
	OK(r.error == EFBIG, "a write beyond the limit fails");
	setrlimit(RLIMIT_FSIZE, &old);
	report_say(&r, "# dropped\n");
	OK(report_close(&r) == EFBIG, "close returns the first error");
	OK(!strncmp(read_back("full.txt"), "# sixty", 7) && !strstr(content, "dropped"),
	   "what was written stays");
}

static void clean(const char *from, const char *to)
{
	char text[100];

	strcpy(text, from);
	report_clean(text);
	OK(!strcmp(text, to), "%s", text);
}

static void test_clean(void)
{
	clean("eth0: 00:1B:44:11:3a:b7, link up", "eth0: xxxxxxxxxxxxxxxxx, link up");
	clean("00:1B:44:11:3a", "00:1B:44:11:3a");
	clean("dev 00-1b-44-11-3a-b7", "dev xxxxxxxxxxxxxxxxx");
	clean("\033[2Jh\303\244h", "?[2Jh??h");
	clean("from 192.168.1.27:22, 10.0.0.1.", "from xxxxxxxxxxxx:22, xxxxxxxx.");
	clean("v1.2.3.4 1.2.3.4.5 6.1.0 300.1.1.1", "v1.2.3.4 1.2.3.4.5 6.1.0 300.1.1.1");
	clean("[fe80::1%eth0]:22, ::1: up", "[xxxxxxx%eth0]:22, xxx: up");
	clean("2001:db8:0:0:0:0:0:1 ::ffff:10.0.0.1", "xxxxxxxxxxxxxxxxxxxx xxxxxxxxxxxxxxx");
	clean("12:34:56 0000:00:1f.3 a::b foo::bad ::", "12:34:56 0000:00:1f.3 xxxx foo::bad ::");
	clean("RIP: 0010:svm_run+0x1a/0x2b", "RIP: 0010:svm_run+0x1a/0x2b");
}

static void test_host(void)
{
	clean("somebodys-host", "somebodys-host");
	report_hide("somebodys-host.example.org");
	clean("on somebodys-host: somebodys-host.example.org, xsomebodys-host somebodys-hosts",
	      "on xxxxxxxxxxxxxx: xxxxxxxxxxxxxxxxxxxxxxxxxx, xsomebodys-host somebodys-hosts");
	report_hide("svmvcpu");
	clean("svmvcpu: somebodys-host", "svmvcpu: somebodys-host");
	report_hide("1");
	clean("1 passed", "1 passed");
	report_hide("amd");
	clean("amd kvm_amd amd_iommu AMD", "xxx kvm_amd amd_iommu AMD");
	report_hide("");
	clean("amd", "amd");
}

static void test_bench(void)
{
	static struct bench_table table;
	struct report r;
	char line[80];
	unsigned int i;

	OK(bench_feed(&table, 0, "bench\tPIO out\t\t1234.4"), "a row");
	OK(bench_feed(&table, 0, "bench\ta page touched\tpage\t10.0"), "a row with a unit");
	OK(bench_feed(&table, 1, "bench\tPIO out\t\t3703.2") && table.nr == 2,
	   "the other side of it");
	OK(!bench_feed(&table, 0, "bench-svmvcpu: open: No such file") &&
	   !bench_feed(&table, 0, "bench\tx\t\t") && !bench_feed(&table, 0, "bench\tx\t\t1y") &&
	   !bench_feed(&table, 0, "bench\tx\t\tnan") && !bench_feed(&table, 0, "bench\tx\t\tinf") &&
	   !bench_feed(&table, 0, "bench\tx\t1") && !bench_feed(&table, 0, "bench\tx\t\t1\t2") &&
	   !bench_feed(&table, 0, "") && table.nr == 2, "no rows");
	OK(bench_feed(&table, 1, "bench\ta page touched\tpage\t-3.1") &&
	   table.rows[1].value[1] == 0, "less than the noise");
	table.rows[1].value[1] = -1;
	OK(!report_open(&r, "bench.txt"), "a report");
	bench_report(&table, &r);
	report_close(&r);
	read_back("bench.txt");
	OK(strstr(content, "        1234         3703    3.00\n"), "both and their ratio");
	OK(strstr(content, "          10            -\n"), "one alone");
	OK(strstr(content, "\"op\":\"PIO out\",\"unit\":\"\",\"svmvcpu\":1234,\"kvm\":3703}"),
	   "and in JSON");
	for (i = 0; i < BENCH_ROWS; i++) {
		snprintf(line, sizeof(line), "bench\trow %u\t\t1", i);
		bench_feed(&table, 0, line);
	}
	OK(table.nr == BENCH_ROWS && !bench_feed(&table, 0, line), "a full table");
}

static void remove_files(const char *dir)
{
	static const char *const names[] = {
		"one.txt", "full.txt", "bench.txt", "svmvcpu-hwcheck.txt",
		"svmvcpu-hwcheck-2.txt", "svmvcpu-hwcheck-3.txt", "svmvcpu-hwcheck-4.txt",
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(names); i++)
		OK(!unlink(names[i]), "%s was there", names[i]);
	OK(!rmdir(dir), "and nothing else");
}

int main(void)
{
	char dir[] = "/tmp/hwcheck-test.XXXXXX";

	if (!mkdtemp(dir) || chdir(dir))
		return 1;
	test_content();
	test_names();
	test_no_room();
	test_clean();
	test_host();
	test_bench();
	remove_files(dir);
	return tap_done();
}
