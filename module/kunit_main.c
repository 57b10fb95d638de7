// SPDX-License-Identifier: GPL-2.0-only
/*
 * svmvcpu_kunit.ko: the KUnit tests of the module's pure parts. It needs
 * neither SVM nor svmvcpu.ko. Loading it runs the tests; the results are in the
 * kernel log and, with debugfs, in kunit/<suite>/results.
 *
 * Each *_test.c includes the file it tests and registers its own suite with
 * kunit_test_suite(): adding a suite is adding its object to Kbuild.
 */
#include <linux/module.h>

MODULE_DESCRIPTION("KUnit tests of svmvcpu");
MODULE_LICENSE("GPL");
