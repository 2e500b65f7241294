/* What a live view says of itself. */
#define _GNU_SOURCE
#include "session/live_internal.h"

#include "core/units.h"

#include <math.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

size_t jm_live_n_channels(const struct jm_live *live)
{
	return live->sensors->set.n_channels;
}

static const char *basis_text(enum jm_live_basis basis)
{
	switch (basis) {
	case JM_LIVE_SPLIT_CPU_TIME:
		return "processor time";
	case JM_LIVE_SPLIT_MEMORY:
		return "resident memory";
	case JM_LIVE_SPLIT_SM_TIME:
		return "SM time";
	default:
		return "";
	}
}

static bool is_channel_lost(const struct jm_live *live, size_t channel)
{
	const struct jm_sensor_set *set = &live->sensors->set;
	size_t i;

	for (i = 0; i < set->n_sensors; i++)
		if (channel >= set->sensors[i].first_channel &&
		    channel < (size_t)set->sensors[i].first_channel + set->sensors[i].n_channels)
			return live->is_lost[i];
	return false;
}

struct jm_ledger jm_live_ledger(const struct jm_live *live, size_t channel)
{
	struct jm_ledger sum = live->sums[channel].past;
	const struct jm_ledger *now = live->sampler ? jm_sampler_ledger(live->sampler, (uint16_t)channel) : NULL;

	if (!now)
		return sum;
	sum.expected += now->expected;
	sum.taken += now->taken;
	sum.late += now->late;
	sum.missed += now->missed;
	sum.repeated += now->repeated;
	sum.cpu_ns += now->cpu_ns;
	return sum;
}

int jm_live_channel(const struct jm_live *live, size_t i, struct jm_live_channel *out)
{
	const struct jm_live_sum *sum = &live->sums[i];
	const struct jm_channel *c;
	struct jm_ledger ledger;

	if (i >= live->sensors->set.n_channels)
		return JM_E_INVALID;
	c = sum->channel;
	ledger = jm_live_ledger(live, i);
	*out = (struct jm_live_channel){
	    .info = sum->info,
	    .is_counted = sum->is_counted,
	    .is_split = sum->basis != JM_LIVE_SPLIT_NONE,
	    .is_lost = is_channel_lost(live, i),
	    .part_of = c->part_of,
	    .device = c->device,
	    .split_by = basis_text(sum->basis),
	    .split_reason = sum->split_reason,
	    .energy_j = sum->ticked_j,
	    .seen_s = sum->ticked_s,
	    .power_w = sum->power_w,
	    .low_w = c->bound_high_uw ? jm_si_from_micro(c->bound_low_uw) : NAN,
	    .high_w = c->bound_high_uw ? jm_si_from_micro(c->bound_high_uw) : NAN,
	    .idle_j = sum->idle_j,
	    .idle_w = sum->idle_w,
	    .temperature_c = c->quantity == JM_QUANTITY_TEMPERATURE && sum->has_sample && sum->sample.status == JM_SAMPLE_OK
				 ? 1e-3 * (double)sum->sample.value
				 : NAN,
	    .others_j = sum->others_j,
	    .unattributed_j = sum->unattributed_j,
	    .last_ns = sum->last_ns,
	    .n_expected = ledger.expected,
	    .n_taken = ledger.taken,
	    .n_late = ledger.late,
	    .n_missed = ledger.missed,
	    .n_repeated = ledger.repeated,
	    .n_lost = sum->n_lost,
	    .cpu_ns = ledger.cpu_ns,
	};
	if (out->is_lost)
		out->info.state = "unavailable";
	return 0;
}

static const char *text_or_empty(const char *text)
{
	return text ? text : "";
}

static void copy_facts(const struct jm_live_record *r, struct jm_live_process *out)
{
	*out = r->facts;
	out->name = text_or_empty(out->name);
	out->command = text_or_empty(out->command);
	out->runtime = text_or_empty(out->runtime);
	out->container = text_or_empty(out->container);
	out->pod = text_or_empty(out->pod);
}

int jm_live_process(const struct jm_live *live, uint32_t id, struct jm_live_process *out)
{
	const struct jm_live_record *r = jm_live_find(live, id);

	if (!r)
		return JM_E_INVALID;
	copy_facts(r, out);
	return 0;
}

bool jm_live_next_process(const struct jm_live *live, size_t *at, struct jm_live_process *out)
{
	if (*at >= live->n_records)
		return false;
	copy_facts(live->records[(*at)++], out);
	return true;
}

static int64_t resident_bytes(void)
{
	FILE *f = fopen("/proc/self/statm", "re");
	long pages = -1;

	if (!f)
		return -1;
	if (fscanf(f, "%*s %ld", &pages) != 1)
		pages = -1;
	fclose(f);
	return pages < 0 ? -1 : (int64_t)pages * sysconf(_SC_PAGESIZE);
}

void jm_live_state(const struct jm_live *live, struct jm_live_state *out)
{
	*out = (struct jm_live_state){
	    .t_ns = live->ticked_ns,
	    .realtime_ns = live->ticked_realtime_ns,
	    .period_ns = live->period_ns,
	    .n_ticks = live->n_ticks,
	    .n_processes = live->n_alive,
	    .others_cpu_s = live->others_s,
	};
}

void jm_own_cost(int64_t *cpu_ns, int64_t *rss_bytes)
{
	struct rusage usage = {0};

	getrusage(RUSAGE_SELF, &usage);
	*cpu_ns = ((int64_t)usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * JM_NS_PER_S +
		  ((int64_t)usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * JM_NS_PER_US;
	*rss_bytes = resident_bytes();
}

bool jm_live_next_container(const struct jm_live *live, size_t *at, struct jm_live_container *out)
{
	const struct jm_live_group *g;

	if (*at >= live->n_groups)
		return false;
	g = live->groups[(*at)++];
	*out = (struct jm_live_container){.runtime = g->runtime,
					  .container = g->container,
					  .pod = g->pod,
					  .n_processes = g->n_alive,
					  .cpu_s = g->cpu_s,
					  .energy_j = g->energy_j};
	return true;
}

const char *jm_live_note(const struct jm_live *live, size_t i)
{
	return i < live->n_notes ? live->notes[i] : NULL;
}
