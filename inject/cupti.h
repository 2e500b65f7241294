/* The CUPTI library, loaded at run time: nothing of CUDA is needed to build, to test or to run without a GPU.
 *
 * The few functions, numbers and fields that are used are declared here after the CUPTI documentation (docs.nvidia.com/cupti:
 * "CUPTI Activity API", "Result Codes", and the record structures). Records of a kind only grow at their end: the fields
 * below lie where they lay in CUDA 11.0 in all releases up to 13.0, which tests/inject/test_cupti_layout.c
 * checks against NVIDIA's own headers where it finds some. */
#ifndef INJECT_CUPTI_H
#define INJECT_CUPTI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* CUptiResult, as far as one acts on it. */
enum {
	CUPTI_OK = 0,
	CUPTI_NOT_COMPATIBLE = 14,
	CUPTI_NOT_INITIALIZED = 15,
	CUPTI_NOT_SUPPORTED = 27,
	CUPTI_VIRTUALIZED_NOT_SUPPORTED = 33,
	CUPTI_INSUFFICIENT_PRIVILEGES = 35,
	CUPTI_OLD_PROFILER = 36,
	CUPTI_LEGACY_NOT_SUPPORTED = 38,
	CUPTI_MULTIPLE_SUBSCRIBERS = 39,
	CUPTI_VIRTUALIZED_PRIVILEGES = 40,
	CUPTI_CONFIDENTIAL_NOT_SUPPORTED = 41,
	CUPTI_WSL_NOT_SUPPORTED = 45
};

/* CUpti_ActivityKind. */
enum {
	CUPTI_KIND_MEMCPY = 1,
	CUPTI_KIND_MEMSET = 2,
	CUPTI_KIND_DRIVER = 4,
	CUPTI_KIND_RUNTIME = 5,
	CUPTI_KIND_CONCURRENT_KERNEL = 10,
	CUPTI_KIND_MEMCPY2 = 22, /* between devices */
	CUPTI_KIND_EXTERNAL_CORRELATION = 39
};

#define CUPTI_EXTERNAL_CUSTOM2 5 /* CUpti_ExternalCorrelationKind; the first two custom ones are torch's */
#define CUPTI_FLUSH_FORCED     1 /* CUpti_ActivityFlag: with records that are not complete */
#define CUPTI_VERSION_11       13
#define CUPTI_VERSION_12_9     27 /* from here on a refused buffer drops records instead of ending the process */

/* The beginnings of records. All start on 8 bytes. */
struct cupti_record {
	uint32_t kind;
};

struct cupti_kernel { /* CUpti_ActivityKernel5 to 10 */
	uint32_t kind;
	uint8_t to_start[12];
	uint64_t start, end, completed;
	uint32_t device, context, stream;
	uint8_t to_correlation[40];
	uint32_t correlation;
	int64_t grid_id;
	const char *name;
	uint8_t to_graph_node[32];
	uint64_t graph_node;
	uint32_t shared_limit, graph;
};

struct cupti_copy { /* CUpti_ActivityMemcpy4 to 6 */
	uint32_t kind;
	uint8_t copy_kind, source_kind, target_kind, flags;
	uint64_t bytes, start, end;
	uint32_t device, context, stream, correlation;
	uint8_t to_graph[24];
	uint32_t graph;
};

struct cupti_copy2 { /* CUpti_ActivityMemcpyPtoP3 to 4 */
	uint32_t kind;
	uint8_t copy_kind, source_kind, target_kind, flags;
	uint64_t bytes, start, end;
	uint32_t device, context, stream, source_device, source_context, target_device, target_context, correlation;
	uint8_t to_graph[16];
	uint32_t graph;
};

struct cupti_set { /* CUpti_ActivityMemset3 to 4 */
	uint32_t kind, value;
	uint64_t bytes, start, end;
	uint32_t device, context, stream, correlation;
	uint8_t to_graph[24];
	uint32_t graph;
};

struct cupti_external { /* CUpti_ActivityExternalCorrelation */
	uint32_t kind, external_kind;
	uint64_t external;
	uint32_t correlation;
};

typedef void (*cupti_request_fn)(uint8_t **buffer, size_t *size, size_t *n_records_max);
typedef void (*cupti_complete_fn)(void *context, uint32_t stream, uint8_t *buffer, size_t size, size_t n_valid);

/* X(member, symbol, parameters, is required). Optional ones are NULL where the library lacks them. */
#define CUPTI_FUNCTION_LIST(X)                                                                                         \
	X(version, cuptiGetVersion, (uint32_t *), true)                                                                \
	X(timestamp, cuptiGetTimestamp, (uint64_t *), true)                                                            \
	X(enable, cuptiActivityEnable, (uint32_t kind), true)                                                          \
	X(disable, cuptiActivityDisable, (uint32_t kind), true)                                                        \
	X(callbacks, cuptiActivityRegisterCallbacks, (cupti_request_fn, cupti_complete_fn), true)                      \
	X(next, cuptiActivityGetNextRecord, (uint8_t *, size_t, struct cupti_record **), true)                         \
	X(flush, cuptiActivityFlushAll, (uint32_t flag), true)                                                         \
	X(n_dropped, cuptiActivityGetNumDroppedRecords, (void *context, uint32_t stream, size_t *), true)              \
	X(push, cuptiActivityPushExternalCorrelationId, (uint32_t kind, uint64_t id), true)                            \
	X(pop, cuptiActivityPopExternalCorrelationId, (uint32_t kind, uint64_t *), true)                               \
	X(result_text, cuptiGetResultString, (uint32_t result, const char **), true)                                   \
	X(subscribe, cuptiSubscribe, (void **, void *callback, void *data), true)                                      \
	X(unsubscribe, cuptiUnsubscribe, (void *), true)                                                               \
	X(enable_runtime_call, cuptiActivityEnableRuntimeApi, (uint32_t id, uint8_t is_enabled), false)                \
	X(enable_driver_call, cuptiActivityEnableDriverApi, (uint32_t id, uint8_t is_enabled),                         \
	  false)                                                                             /* since 12.3 or so */    \
	X(clock, cuptiActivityRegisterTimestampCallback, (uint64_t(*callback)(void)), false) /* since 11.6 */

struct cupti {
	void *library;
	char path[512]; /* of the library */
#define CUPTI_MEMBER(member, symbol, parameters, is_required) uint32_t(*member) parameters;
	CUPTI_FUNCTION_LIST(CUPTI_MEMBER)
#undef CUPTI_MEMBER
};

/* Finds and loads CUPTI: the one that the process has, JOULEMAP_CUPTI, the Python packages', the loader's, the toolkit's.
 * Never one that is newer than the driver by its major version. Gives false, and why as a sentence. */
bool jm_cupti_load(struct cupti *out, char *why, size_t why_size);

#endif
