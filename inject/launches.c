/* How launches are told their range: CUPTI puts the number that was pushed last on a thread (ranges.c) before the record of
 * each call of that thread. So calls have to be recorded, those that launch at least. */
#define _GNU_SOURCE
#include "cuda.h"

#include "trace/cuda_activity.h"

#define N_OF(array) (sizeof(array) / sizeof((array)[0]))

static const uint32_t call_kinds[] = {CUPTI_KIND_RUNTIME, CUPTI_KIND_DRIVER};

/* Those that launch kernels, graphs, copies and sets, from, to (CUpti_runtime_api_trace_cbid, CUpti_driver_api_trace_cbid, CUDA
 * 13.0). A launch by the runtime is no call of the driver to CUPTI: both are wanted.
 *
 * Single calls that are turned on give no external correlations (CUDA 13.0, seen on an H200); a kind that is turned on, and
 * then all its other calls off, does: 0.5 to 1.2 us a launch there, where all calls of PyTorch cost up to 60 % of the time. */
static const uint16_t runtime_calls[][2] = {{31, 52},   {142, 145}, {160, 163}, {211, 211}, {213, 236}, {243, 246},
					    {249, 250}, {269, 272}, {311, 312}, {430, 431}, {482, 485}, {509, 512}};
static const uint16_t driver_calls[][2] = {{43, 82},   {216, 227}, {248, 254}, {276, 293}, {305, 307},
					   {318, 321}, {397, 416}, {418, 433}, {442, 442}, {477, 478},
					   {480, 480}, {514, 515}, {652, 653}, {776, 779}, {796, 799}};

/* Above every number of both lists; numbers that do not exist are refused, which is no matter. */
#define CALLS_MAX 1024

/* So much work in a program with ranges, and none launched in one: then the single calls were not recorded. */
#define UNTOLD_MAX 256

static bool is_launch(const uint16_t (*calls)[2], size_t n, uint32_t id)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (id >= calls[i][0] && id <= calls[i][1])
			return true;
	return false;
}

static void turn_others_off(uint32_t (*turn)(uint32_t, uint8_t), const uint16_t (*calls)[2], size_t n)
{
	uint32_t id;

	for (id = 1; id < CALLS_MAX; id++)
		if (!is_launch(calls, n, id))
			turn(id, false);
}

static void turn_all_calls(bool is_wanted)
{
	size_t i;

	for (i = 0; i < N_OF(call_kinds); i++)
		(is_wanted ? jm_cuda.cupti.enable : jm_cuda.cupti.disable)(call_kinds[i]);
	jm_cuda.has_all_calls = is_wanted;
}

void jm_launches_record(bool is_wanted)
{
	struct cupti *c = &jm_cuda.cupti;

	if (jm_cuda.has_ranges == is_wanted)
		return;
	(is_wanted ? c->enable : c->disable)(CUPTI_KIND_EXTERNAL_CORRELATION);
	turn_all_calls(is_wanted);
	if (is_wanted && c->enable_runtime_call && c->enable_driver_call) {
		turn_others_off(c->enable_runtime_call, runtime_calls, N_OF(runtime_calls));
		turn_others_off(c->enable_driver_call, driver_calls, N_OF(driver_calls));
		jm_cuda.has_all_calls = false;
	}
	jm_cuda.n_before_ranges = jm_cuda.n_activities;
	jm_cuda.n_launches = 0;
	jm_cuda.has_ranges = is_wanted;
}

void jm_launches_want(void)
{
	if (atomic_load_explicit(&jm_cuda.has_ranges, memory_order_relaxed))
		return;
	pthread_mutex_lock(&jm_cuda.lock);
	if (is_recording())
		jm_launches_record(true);
	pthread_mutex_unlock(&jm_cuda.lock);
}

void jm_launches_check(void)
{
	if (!jm_cuda.has_ranges || jm_cuda.has_all_calls || jm_cuda.n_launches ||
	    jm_cuda.n_activities - jm_cuda.n_before_ranges < UNTOLD_MAX)
		return;
	turn_all_calls(true);
	jm_activity_append_text(jm_cuda.file, JM_ACTIVITY_STATUS, JM_CUDA_LATE_RANGES,
				"kernels of the first half second or so were not told their range: this CUPTI does not "
				"record single calls, or they were launched in none");
}
