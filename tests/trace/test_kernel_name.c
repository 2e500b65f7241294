#include "trace/kernel_name.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void names_become_short_and_stay_telling(void **state)
{
	static const char *const cases[][2] = {
	    {"ampere_sgemm_128x64_tn", "ampere_sgemm_128x64_tn"},
	    {"_Z3fooi", "foo"},
	    {"_ZN2at6native29vectorized_elementwise_kernelILi4EZZZNS0_12_GLOBAL__N_118GeluCUDAKernelImplERNS_"
	     "18TensorIter"
	     "atorBaseENS0_8GeluTypeEENKUlvE0_clEvENKUlvE0_clEvEUlfE_St5arrayIPcLm2EEEEviT0_T1_",
	     "at::native::vectorized_elementwise_kernel<4, GeluCUDAKernelImpl, ...>"},
	    {"_ZN2at6native29vectorized_elementwise_kernelILi4ENS0_13BinaryFunctorIfffNS0_15binary_"
	     "internal10MulFunctorIfEE"
	     "EESt5arrayIPcLm3EEEEviT0_T1_",
	     "at::native::vectorized_elementwise_kernel<4, BinaryFunctor<MulFunctor<float>, ...>, ...>"},
	    {"_ZN7cutlass7Kernel2I66cutlass_80_wmma_tensorop_f16_s161616gemm_f16_16x16_128x2_tn_align8EEvNT_6ParamsE",
	     "cutlass::Kernel2<cutlass_80_wmma_tensorop_f16_s161616gemm_f16_16x16_128x2_tn_align8>"},
	    {"sm80_xmma_gemm_f32f32_f32f32_f32_tn_n_tilesize64x64x8_stage3_warpsize1x4x1_ffma_aligna4_alignc4_execute_"
	     "kernel__5x_cublas",
	     "sm80_xmma_gemm_f32f32_f32f32_f32_tn_n_tilesize64x64x8_stage3..."},
	    {"_ZN2at6native12_GLOBAL__N_143distribution_elementwise_grid_stride_kernelIfLi4ENS0_"
	     "9templates4cuda20normal_and_"
	     "transformIPNS_17CUDAGeneratorImplENS4_13normal_kernelIS7_EESt5arrayIcLm2EEEESB_EEvi",
	     "distribution_elementwise_grid_stride_kernel<float, 4, normal_and_transform<...>, ...>"},
	    {"", ""},
	    {"_Zbroken", "_Zbroken"},
	    {"triton_poi_fused_add_0<", "triton_poi_fused_add_0<"},
	};
	char name[JM_KERNEL_NAME_SIZE];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		jm_kernel_name(cases[i][0], name, sizeof(name));
		assert_string_equal(name, cases[i][1]);
	}
}

static void a_name_that_does_not_fit_says_so(void **state)
{
	char name[16];

	(void)state;
	jm_kernel_name("a_kernel_with_a_name_that_is_long", name, sizeof(name));
	assert_string_equal(name, "a_kernel_wit...");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(names_become_short_and_stay_telling),
	    cmocka_unit_test(a_name_that_does_not_fit_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
