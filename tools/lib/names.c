// SPDX-License-Identifier: GPL-2.0-only
/*
 * libsvmvcpu: names for the ABI's numbers. Exits and rules come from the
 * header's own lists, so that a new one cannot be forgotten here.
 */
#include "exit_text.h"
#include "svmvcpu_lib.h"

#define NAME_ENTRY(nr, name, str)					\
	[nr] = str,
#define STAT_NAME(nr, name, str, text)					\
	[nr] = str,
#define STAT_TEXT(nr, name, str, text)					\
	[nr] = text,
#define VM_STAT_INDEX(member)						\
	(offsetof(struct svmvcpu_stats, member) / sizeof(__u64) - 1)
#define VM_STAT_NAME(member, text)					\
	[VM_STAT_INDEX(member)] = #member,
#define VM_STAT_TEXT(member, text)					\
	[VM_STAT_INDEX(member)] = text,
#define NR(table)	(sizeof(table) / sizeof(*(table)))

static const char *lookup(const char * const *table, size_t nr, unsigned int index)
{
	return index < nr ? table[index] : NULL;
}

const char *svmvcpu_exit_name(unsigned int reason)
{
	static const char * const names[] = { SVMVCPU_EXITS(NAME_ENTRY) };

	return lookup(names, NR(names), reason) ?: "?";
}

const char *svmvcpu_rule_text(unsigned int rule)
{
	static const char * const texts[] = { SVMVCPU_RULES(NAME_ENTRY) };

	return lookup(texts, NR(texts), rule) ?: "?";
}

const char *svmvcpu_stat_name(unsigned int stat)
{
	static const char * const names[] = { SVMVCPU_VCPU_STATS(STAT_NAME) };

	return lookup(names, NR(names), stat) ?: "?";
}

const char *svmvcpu_stat_text(unsigned int stat)
{
	static const char * const texts[] = { SVMVCPU_VCPU_STATS(STAT_TEXT) };

	return lookup(texts, NR(texts), stat) ?: "?";
}

const char *svmvcpu_vm_stat_name(unsigned int stat)
{
	static const char * const names[] = { SVMVCPU_VM_STATS(VM_STAT_NAME) };

	return lookup(names, NR(names), stat) ?: "?";
}

const char *svmvcpu_vm_stat_text(unsigned int stat)
{
	static const char * const texts[] = { SVMVCPU_VM_STATS(VM_STAT_TEXT) };

	return lookup(texts, NR(texts), stat) ?: "?";
}

const char *svmvcpu_translation_text(unsigned int result)
{
	static const char * const texts[] = { SVMVCPU_TRANSLATIONS(NAME_ENTRY) };

	return lookup(texts, NR(texts), result) ?: "?";
}

const char *svmvcpu_mode_name(unsigned int mode)
{
	static const char * const names[] = {
		[SVMVCPU_MODE_REAL] = "real",
		[SVMVCPU_MODE_VM86] = "vm86",
		[SVMVCPU_MODE_PROTECTED] = "protected",
		[SVMVCPU_MODE_COMPATIBILITY] = "compatibility",
		[SVMVCPU_MODE_64BIT] = "64bit",
	};

	return lookup(names, NR(names), mode) ?: "?";
}

const char *svmvcpu_preset_name(unsigned int preset)
{
	static const char * const names[] = {
		[SVMVCPU_PRESET_REAL] = "real",
		[SVMVCPU_PRESET_RESET] = "reset",
		[SVMVCPU_PRESET_PROT32] = "prot32",
		[SVMVCPU_PRESET_LONG64] = "long64",
	};

	return lookup(names, NR(names), preset) ?: "?";
}

const char *svmvcpu_down_name(unsigned int kind)
{
	return lookup(svmvcpu_down_words, NR(svmvcpu_down_words), kind) ?: "?";
}

const char *svmvcpu_vector_name(unsigned int vector)
{
	return lookup(svmvcpu_vector_words, NR(svmvcpu_vector_words), vector) ?: "?";
}

const char *svmvcpu_feature_name(unsigned int bit)
{
	static const char * const names[64] = {
		[0] = "nrip", [1] = "decode-assists", [2] = "flush-by-asid",
		[3] = "vmcb-clean", [4] = "vgif", [5] = "pause-filter",
		[6] = "tsc-scale", [7] = "v-spec-ctrl", [63] = "under-hypervisor",
	};

	return lookup(names, NR(names), bit);
}

const char *svmvcpu_mitigation_name(unsigned int bit)
{
	static const char * const names[] = {
		"rsb-fill", "untrain-ret", "ibpb-on-exit", "ibpb-on-switch",
		"ibpb-to-user", "clear-buffers", "clear-divider", "gpr-clear",
	};

	return lookup(names, NR(names), bit);
}
