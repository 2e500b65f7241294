/* Who used the GPUs of a live view, by NVML's utilisation of each process, and what the idle machine takes. */
#include "session/live_internal.h"

#include "attribution/baseline.h"
#include "core/units.h"
#include "session/report.h"

#include <math.h>
#include <stdlib.h>

/* The driver keeps means over some 1/6 to 1 s, and may take its time. */
#define POLL_NS (500 * JM_NS_PER_MS)
/* Where something begins or ends, sooner: but not so soon that the driver has nothing new to say. */
#define POLL_MIN_NS (250 * JM_NS_PER_MS)

void jm_live_open_gpus(struct jm_live *live)
{
	size_t i;
	bool has_gpu = false;

	for (i = 0; i < live->sensors->set.n_channels; i++)
		has_gpu = has_gpu || (live->sums[i].is_counted && live->sums[i].channel->domain == JM_DOMAIN_GPU);
	if (!has_gpu || jm_nvml_open(&live->sensors->env, &live->nvml, NULL))
		return;
	if (jm_process_gpus_create(live->nvml, &live->gpus, NULL))
		return;
	for (i = 0; i < live->sensors->set.n_channels; i++)
		jm_live_basis_of(live, &live->sums[i]);
}

void jm_live_close_gpus(struct jm_live *live)
{
	jm_process_gpus_destroy(live->gpus);
	jm_nvml_release(live->nvml);
	free(live->gpu_rows);
}

static void keep_rows(struct jm_live *live, const struct jm_process_gpu *rows, size_t n)
{
	struct jm_process_gpu *grown = n > live->gpu_rows_capacity ? realloc(live->gpu_rows, n * sizeof(*grown)) : NULL;
	size_t i;

	if (grown) {
		live->gpu_rows = grown;
		live->gpu_rows_capacity = n;
	}
	live->n_gpu_rows = n < live->gpu_rows_capacity ? n : live->gpu_rows_capacity;
	for (i = 0; i < live->n_gpu_rows; i++)
		live->gpu_rows[i] = rows[i];
}

void jm_live_look_at_gpus(struct jm_live *live, int64_t now_ns, bool is_first)
{
	int64_t age_ns = now_ns - live->gpus_ns;
	const struct jm_process_gpu *rows;
	size_t n;

	live->gpus_are_due = true;
	if (!live->gpus || !live->has_step) {
		live->n_gpu_rows = 0;
		return;
	}
	if (!is_first && live->gpus_ns && age_ns < (live->is_refreshing ? POLL_MIN_NS : POLL_NS)) {
		/* In between, what they take waits for the next poll; where something begins or ends, the last one speaks. */
		live->gpus_are_due = live->is_refreshing;
		return;
	}
	n = jm_process_gpus_poll(live->gpus, live->watch, now_ns, &rows);
	jm_live_record_gpus(live, rows, n);
	/* The first time it speaks of what was before. */
	keep_rows(live, rows, is_first ? 0 : n);
	live->gpus_ns = now_ns;
}

void jm_live_find_idle(struct jm_live *live)
{
	const struct jm_sensor_set *set = &live->sensors->set;
	struct jm_baseline *levels = calloc(set->n_channels + 1, sizeof(*levels));
	double busy;
	size_t n_paths, n_ours, i;
	char machine_id[32];

	for (i = 0; i < set->n_channels; i++)
		live->sums[i].idle_w = NAN;
	if (!levels)
		return;
	jm_session_machine_id(&live->sensors->env, machine_id, sizeof(machine_id));
	jm_session_idle_levels(machine_id, set->channels, set->n_channels, levels, &n_paths, &n_ours, &busy);
	for (i = 0; i < set->n_channels; i++)
		if (levels[i].is_known)
			live->sums[i].idle_w = levels[i].power_w;
	free(levels);
}
