/* The activity file of libjoulemap_cuda.so, version 1: what its writer (inject/) and its reader (cuda.c) agree on.
 *
 * Little-endian. A header of 48 bytes, then records. A record begins with its type (u16) and its length in bytes (u16: with
 * this head, a multiple of 8); fields stand at the offsets below. A reader skips types that it does not know, and takes a
 * last record that is cut short (the process was killed) as the end. docs/cuda.md describes it for other programs.
 *
 * Device times are CUPTI's (u64 ns); the CLOCK records tie them to CLOCK_MONOTONIC. All others are CLOCK_MONOTONIC (i64). */
#ifndef TRACE_CUDA_ACTIVITY_H
#define TRACE_CUDA_ACTIVITY_H

#define JM_ACTIVITY_MAGIC   "JMCUDA\r\n" /* 8 bytes: text conversion is noticed */
#define JM_ACTIVITY_VERSION 1

/* Header: magic, u32 version, u32 bytes of the header, u32 pid, u32 0, i64 monotonic and i64 real time of the start, u64 0. */
enum {
	JM_ACTIVITY_AT_VERSION = 8,
	JM_ACTIVITY_AT_HEADER_BYTES = 12,
	JM_ACTIVITY_AT_PID = 16,
	JM_ACTIVITY_AT_MONOTONIC = 24,
	JM_ACTIVITY_AT_REALTIME = 32,
	JM_ACTIVITY_HEADER_BYTES = 48
};

/* X(name, type, bytes; 0: as long as its text). */
#define JM_ACTIVITY_LIST(X)                                                                                            \
	X(NAME, 1, 0)    /* u32 id, u32 n, n bytes: comes before what refers to it */                                  \
	X(KERNEL, 2, 48) /* as WORK; what: name id of the mangled name */                                              \
	X(COPY, 3, 56)   /* as WORK; what: CUPTI's copy kind; u64 bytes at 48 */                                       \
	X(SET, 4, 56)    /* as WORK; what: 0; u64 bytes at 48 */                                                       \
	X(CLOCK, 5, 32)  /* i64 before at 8, u64 CUPTI's at 16, i64 after at 24: read one after the other */           \
	X(RANGE_BEGIN, 6,                                                                                              \
	  40)               /* u32 name at 4, u64 range at 8, i64 t at 16, u32 thread at 24, u64 parent at 32 or 0 */  \
	X(RANGE_END, 7, 24) /* u64 range at 8, i64 t at 16 */                                                          \
	X(LAUNCH, 8, 16)    /* u32 correlation at 4, u64 range at 8: a launch inside of a range */                     \
	X(DROPPED, 9, 16)   /* u64 records that CUPTI dropped since the last such record, at 8 */                      \
	X(STATUS, 10, 0)    /* u32 enum jm_cuda_status at 4, u32 n at 8, n bytes */                                    \
	X(DEVICE, 11, 0)    /* u32 number at 4, u32 n at 8, n bytes: "PCI bus id,name" */                              \
	X(END, 12, 24)      /* i64 t at 8, u64 KERNEL, COPY and SET records at 16: the file is whole */

/* Kernels, copies, sets. device, context, stream: CUPTI's numbers. graph: 0 none. Times 0: not known. */
enum {
	JM_ACTIVITY_AT_WHAT = 4,
	JM_ACTIVITY_AT_START = 8,
	JM_ACTIVITY_AT_END = 16,
	JM_ACTIVITY_AT_DEVICE = 24,
	JM_ACTIVITY_AT_CONTEXT = 28,
	JM_ACTIVITY_AT_STREAM = 32,
	JM_ACTIVITY_AT_CORRELATION = 36,
	JM_ACTIVITY_AT_GRAPH = 40,
	JM_ACTIVITY_AT_BYTES = 48
};

#define JM_ACTIVITY_ENUM(name, type, bytes) JM_ACTIVITY_##name = type, JM_ACTIVITY_##name##_BYTES = bytes,
enum jm_activity_type { JM_ACTIVITY_LIST(JM_ACTIVITY_ENUM) };
#undef JM_ACTIVITY_ENUM

/* Texts: u32 n at 8, bytes at 12, zeros up to the next multiple of 8. */
#define JM_ACTIVITY_AT_TEXT  12
#define JM_ACTIVITY_TEXT_MAX 65000

#endif
