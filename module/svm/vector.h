/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Exception vectors.
 */
#ifndef SVMVCPU_VECTOR_H
#define SVMVCPU_VECTOR_H

#define VEC_DE	0
#define VEC_DB	1
#define VEC_NMI	2
#define VEC_BP	3
#define VEC_OF	4
#define VEC_BR	5
#define VEC_UD	6
#define VEC_DF	8
#define VEC_TS	10
#define VEC_NP	11
#define VEC_SS	12
#define VEC_GP	13
#define VEC_PF	14
#define VEC_AC	17
#define VEC_MC	18
#define VEC_CP	21

#endif /* SVMVCPU_VECTOR_H */
