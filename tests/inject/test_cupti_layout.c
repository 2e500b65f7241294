/* The places of fields that inject/cupti.h declares, against NVIDIA's own headers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#if defined(__has_include)
#if __has_include(<cupti.h>) && __has_include(<cuda.h>)
#define HAS_CUPTI 1
#endif
#endif

#ifdef HAS_CUPTI
#include <cuda.h>
/* Of cupti.h the parts that describe records: the rest wants the whole toolkit. */
#include <cupti_activity.h>
#include <cupti_driver_cbid.h>
#include <cupti_runtime_cbid.h>
#include <cupti_result.h>

#include "../../inject/cupti.h"

#define SAME(ours, our_field, theirs, their_field)                                                                     \
	assert_int_equal(offsetof(struct ours, our_field), offsetof(theirs, their_field))

#if CUDA_VERSION >= 13000
#define KERNEL CUpti_ActivityKernel10
#else
#define KERNEL CUpti_ActivityKernel9
#endif

static void kernels_lie_as_declared(void **state)
{
	(void)state;
	SAME(cupti_kernel, start, KERNEL, start);
	SAME(cupti_kernel, end, KERNEL, end);
	SAME(cupti_kernel, device, KERNEL, deviceId);
	SAME(cupti_kernel, context, KERNEL, contextId);
	SAME(cupti_kernel, stream, KERNEL, streamId);
	SAME(cupti_kernel, correlation, KERNEL, correlationId);
	SAME(cupti_kernel, name, KERNEL, name);
	SAME(cupti_kernel, graph, KERNEL, graphId);
}

static void copies_and_sets_lie_as_declared(void **state)
{
	(void)state;
	SAME(cupti_copy, copy_kind, CUpti_ActivityMemcpy6, copyKind);
	SAME(cupti_copy, bytes, CUpti_ActivityMemcpy6, bytes);
	SAME(cupti_copy, start, CUpti_ActivityMemcpy6, start);
	SAME(cupti_copy, end, CUpti_ActivityMemcpy6, end);
	SAME(cupti_copy, device, CUpti_ActivityMemcpy6, deviceId);
	SAME(cupti_copy, stream, CUpti_ActivityMemcpy6, streamId);
	SAME(cupti_copy, correlation, CUpti_ActivityMemcpy6, correlationId);
	SAME(cupti_copy, graph, CUpti_ActivityMemcpy6, graphId);
	SAME(cupti_copy2, start, CUpti_ActivityMemcpyPtoP4, start);
	SAME(cupti_copy2, source_device, CUpti_ActivityMemcpyPtoP4, srcDeviceId);
	SAME(cupti_copy2, correlation, CUpti_ActivityMemcpyPtoP4, correlationId);
	SAME(cupti_copy2, graph, CUpti_ActivityMemcpyPtoP4, graphId);
	SAME(cupti_set, bytes, CUpti_ActivityMemset4, bytes);
	SAME(cupti_set, start, CUpti_ActivityMemset4, start);
	SAME(cupti_set, device, CUpti_ActivityMemset4, deviceId);
	SAME(cupti_set, correlation, CUpti_ActivityMemset4, correlationId);
	SAME(cupti_set, graph, CUpti_ActivityMemset4, graphId);
}

static void correlations_lie_as_declared(void **state)
{
	(void)state;
	SAME(cupti_external, external_kind, CUpti_ActivityExternalCorrelation, externalKind);
	SAME(cupti_external, external, CUpti_ActivityExternalCorrelation, externalId);
	SAME(cupti_external, correlation, CUpti_ActivityExternalCorrelation, correlationId);
}

static void numbers_are_as_declared(void **state)
{
	(void)state;
	assert_int_equal(CUPTI_KIND_MEMCPY, CUPTI_ACTIVITY_KIND_MEMCPY);
	assert_int_equal(CUPTI_KIND_MEMSET, CUPTI_ACTIVITY_KIND_MEMSET);
	assert_int_equal(CUPTI_KIND_DRIVER, CUPTI_ACTIVITY_KIND_DRIVER);
	assert_int_equal(CUPTI_KIND_RUNTIME, CUPTI_ACTIVITY_KIND_RUNTIME);
	assert_int_equal(CUPTI_KIND_CONCURRENT_KERNEL, CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL);
	assert_int_equal(CUPTI_KIND_MEMCPY2, CUPTI_ACTIVITY_KIND_MEMCPY2);
	assert_int_equal(CUPTI_KIND_EXTERNAL_CORRELATION, CUPTI_ACTIVITY_KIND_EXTERNAL_CORRELATION);
	assert_int_equal(CUPTI_EXTERNAL_CUSTOM2, CUPTI_EXTERNAL_CORRELATION_KIND_CUSTOM2);
	assert_int_equal(CUPTI_FLUSH_FORCED, CUPTI_ACTIVITY_FLAG_FLUSH_FORCED);
	assert_int_equal(CUPTI_MULTIPLE_SUBSCRIBERS, CUPTI_ERROR_MULTIPLE_SUBSCRIBERS_NOT_SUPPORTED);
	/* Of the stretches in launches.c. */
	assert_int_equal(CUPTI_RUNTIME_TRACE_CBID_cudaMemcpy_v3020, 31);
	assert_int_equal(CUPTI_RUNTIME_TRACE_CBID_cudaLaunchKernel_v7000, 211);
	assert_int_equal(CUPTI_RUNTIME_TRACE_CBID_cudaGraphLaunch_v10000, 311);
	assert_int_equal(CUPTI_RUNTIME_TRACE_CBID_cudaLaunchKernelExC_v11060, 430);
	assert_int_equal(CUPTI_DRIVER_TRACE_CBID_cuMemcpyHtoD, 43);
	assert_int_equal(CUPTI_DRIVER_TRACE_CBID_cuLaunchKernel, 307);
	assert_int_equal(CUPTI_DRIVER_TRACE_CBID_cuLaunchKernel_ptsz, 442);
	assert_int_equal(CUPTI_DRIVER_TRACE_CBID_cuLaunchCooperativeKernel, 477);
	assert_int_equal(CUPTI_DRIVER_TRACE_CBID_cuGraphLaunch, 514);
	assert_int_equal(CUPTI_DRIVER_TRACE_CBID_cuLaunchKernelEx, 652);
	assert_int_equal(CUPTI_INSUFFICIENT_PRIVILEGES, CUPTI_ERROR_INSUFFICIENT_PRIVILEGES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(kernels_lie_as_declared),
	    cmocka_unit_test(copies_and_sets_lie_as_declared),
	    cmocka_unit_test(correlations_lie_as_declared),
	    cmocka_unit_test(numbers_are_as_declared),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
#else
int main(void)
{
	printf("SKIP: NVIDIA's CUPTI headers are not there: scripts/setup cupti fetches them\n");
	return 77;
}
#endif
