/* Who gets the energy of a tick. The rules are those of attribution/split.h; here they see one interval after another. */
#include "session/live_internal.h"

#include <math.h>

void jm_live_basis_of(struct jm_live_sum *sum)
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
		sum->split_reason = "nothing tells, live, which process used this GPU";
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

void jm_live_split(struct jm_live *live, const struct jm_live_interval *v)
{
	size_t i;

	for (i = 0; i < live->sensors->set.n_channels; i++) {
		struct jm_live_sum *sum = &live->sums[i];
		double energy_j = sum->energy_j - sum->ticked_j, idle_j;

		if (!(energy_j > 0))
			continue;
		if (sum->basis == JM_LIVE_SPLIT_NONE || !v->is_known) {
			sum->unattributed_j += energy_j;
			continue;
		}
		idle_j = v->idle_fraction * energy_j;
		sum->idle_j += idle_j;
		if (sum->basis == JM_LIVE_SPLIT_MEMORY)
			by_memory(live, i, v, energy_j - idle_j);
		else
			by_time(live, i, v, energy_j - idle_j);
	}
}
