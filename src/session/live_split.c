/* Who gets the energy of a tick. The rules are those of attribution/split.h; here they see one interval after another. */
#include "session/live_internal.h"

#include <math.h>

void jm_live_basis_of(const struct jm_live *live, struct jm_live_sum *sum)
{
	sum->split_reason = "";
	switch (sum->channel->domain) {
	case JM_DOMAIN_PACKAGE:
	case JM_DOMAIN_CORE:
	case JM_DOMAIN_UNCORE:
		sum->basis = JM_LIVE_SPLIT_CPU_TIME;
		break;
	case JM_DOMAIN_PLATFORM:
		sum->basis = JM_LIVE_SPLIT_CPU_TIME;
		sum->split_reason = "the whole machine's energy, by processor time alone";
		break;
	case JM_DOMAIN_DRAM:
		sum->basis = JM_LIVE_SPLIT_MEMORY;
		sum->split_reason = "by resident memory, which need not be used";
		break;
	case JM_DOMAIN_GPU:
	case JM_DOMAIN_GPU_MEMORY:
		sum->basis = live->gpus ? JM_LIVE_SPLIT_SM_TIME : JM_LIVE_SPLIT_NONE;
		sum->split_reason = live->gpus ? "by the time that kernels ran, however much of the GPU they filled"
					       : "nothing tells which process used this GPU";
		break;
	default:
		sum->split_reason = "it is not known what this rail feeds";
	}
	if (!jm_channel_has_energy(sum->channel))
		sum->basis = JM_LIVE_SPLIT_NONE;
}

static void give(struct jm_live_record *r, size_t channel, double energy_j)
{
	struct jm_live_record *up;

	r->energy_j[channel] += energy_j;
	if (r->group)
		r->group->energy_j[channel] += energy_j;
	for (up = r; up; up = up->parent)
		up->tree_j[channel] += energy_j;
}

static void by_time(struct jm_live *live, size_t channel, const struct jm_live_interval *v, double active_j)
{
	double all_s = v->watched_s + v->others_s;
	size_t i;

	if (!(all_s > 0)) {
		live->sums[channel].unattributed_j += active_j;
		return;
	}
	for (i = 0; i < live->n_records; i++)
		if (live->records[i]->tick_s > 0)
			give(live->records[i], channel, active_j * (live->records[i]->tick_s / all_s));
	live->sums[channel].others_j += active_j * (v->others_s / all_s);
}

static double memory_of(const struct jm_live_record *r)
{
	if (r->facts.is_gone)
		return 0;
	return (double)(r->pss_bytes >= 0 ? r->pss_bytes : r->facts.rss_bytes > 0 ? r->facts.rss_bytes : 0);
}

static void by_memory(struct jm_live *live, size_t channel, const struct jm_live_interval *v, double active_j)
{
	double sum = 0, used;
	size_t i;

	for (i = 0; i < live->n_records; i++)
		sum += memory_of(live->records[i]);
	if (!(sum > 0) || v->used_bytes < 0) {
		live->sums[channel].unattributed_j += active_j;
		return;
	}
	used = fmax(v->used_bytes, sum);
	for (i = 0; i < live->n_records; i++)
		if (memory_of(live->records[i]) > 0)
			give(live->records[i], channel, active_j * (memory_of(live->records[i]) / used));
	live->sums[channel].others_j += active_j * (1 - sum / used);
}

/* As split_poll in attribution/split.c. */
static void by_gpu(struct jm_live *live, size_t channel, double active_j)
{
	uint16_t gpu = (uint16_t)live->sums[channel].channel->device;
	double sum = 0;
	size_t i;

	for (i = 0; i < live->n_gpu_rows; i++)
		sum += live->gpu_rows[i].gpu == gpu ? (double)live->gpu_rows[i].sm_ppm : 0;
	if (!(sum > 0)) {
		live->sums[channel].unattributed_j += active_j;
		return;
	}
	for (i = 0; i < live->n_gpu_rows; i++) {
		const struct jm_process_gpu *row = &live->gpu_rows[i];
		double energy_j = active_j * ((double)row->sm_ppm / sum);
		struct jm_live_record *r;

		if (row->gpu != gpu || !(energy_j > 0))
			continue;
		r = row->process == JM_PROCESS_OTHERS ? NULL
						      : (struct jm_live_record *)jm_live_find(live, row->process);
		if (r)
			give(r, channel, energy_j);
		else
			live->sums[channel].others_j += energy_j;
	}
}

/* The part of the time in which no kernel ran; NAN: nobody looked. */
static double gpu_idle_fraction(const struct jm_live *live, size_t channel)
{
	double sm = 0;
	bool is_known = false;
	size_t i;

	for (i = 0; i < live->n_gpu_rows; i++) {
		if (live->gpu_rows[i].gpu != live->sums[channel].channel->device)
			continue;
		is_known = true;
		sm += 1e-6 * (double)live->gpu_rows[i].sm_ppm;
	}
	return is_known ? fmax(0, 1 - sm) : NAN;
}

/* Takes off what the idle machine takes: its level where that is kept, else the part of the time in which nobody did anything. Gives the
 * rest. */
static double take_idle(struct jm_live_sum *sum, double energy_j, double idle_fraction)
{
	double idle_j =
	    isnan(sum->idle_w) ? idle_fraction * energy_j : fmin(energy_j, sum->idle_w * (sum->seen_s - sum->ticked_s));

	if (isnan(idle_j))
		return energy_j;
	sum->idle_j += idle_j;
	return energy_j - idle_j;
}

static void split_gpu(struct jm_live *live, size_t channel, double energy_j)
{
	struct jm_live_sum *sum = &live->sums[channel];

	if (live->gpus_are_due)
		by_gpu(live, channel, take_idle(sum, energy_j, gpu_idle_fraction(live, channel)));
}

void jm_live_split(struct jm_live *live, const struct jm_live_interval *v)
{
	size_t i;

	for (i = 0; i < live->sensors->set.n_channels; i++) {
		struct jm_live_sum *sum = &live->sums[i];
		double energy_j = sum->energy_j - sum->ticked_j, active_j;

		if (!(energy_j > 0))
			continue;
		if (sum->basis == JM_LIVE_SPLIT_SM_TIME) {
			split_gpu(live, i, energy_j);
			continue;
		}
		active_j =
		    take_idle(sum, energy_j, v->is_known && sum->basis != JM_LIVE_SPLIT_NONE ? v->idle_fraction : NAN);
		if (sum->basis == JM_LIVE_SPLIT_NONE || !v->is_known)
			sum->unattributed_j += active_j;
		else if (sum->basis == JM_LIVE_SPLIT_MEMORY)
			by_memory(live, i, v, active_j);
		else
			by_time(live, i, v, active_j);
	}
}
