/* Going on with the measurements of an earlier service (state.h). */
#include "service/measurement_internal.h"

#include "core/error.h"
#include "core/grow.h"

#include <stdio.h>
#include <stdlib.h>

void jm_measurement_free(struct jm_measurement *m)
{
	if (!m)
		return;
	free(m->parts);
	free(m);
}

void jm_measurements_number_from(struct jm_measurements *all, uint64_t id)
{
	all->next_id = id > all->next_id ? id : all->next_id;
}

void jm_measurements_set_recording(struct jm_measurements *all, uint64_t id, const char *name)
{
	struct jm_measurement *m = (struct jm_measurement *)jm_measurements_get(all, id);

	if (m)
		snprintf(m->recording, sizeof(m->recording), "%s", name);
}

/* Sets the beginning so far back that last less first goes on from what it was; now: the sums of this service. */
static void carry(struct jm_moment *first, struct jm_moment *last, const struct jm_moment *now)
{
	struct jm_moment was = *last, began = *first;
	int d;

	*last = *first = *now;
	first->t_ns = began.t_ns;
	first->realtime_ns = began.realtime_ns;
	first->cpu_s -= was.cpu_s - began.cpu_s;
	for (d = 0; d < JM_N_DEVICES; d++) {
		struct jm_device_sum *x = &first->devices[d];
		const struct jm_device_sum *a = &began.devices[d], *b = &was.devices[d];

		if (!b->is_known)
			continue;
		x->energy_j -= b->energy_j - a->energy_j;
		x->machine_j -= b->machine_j - a->machine_j;
		x->seen_s -= b->seen_s - a->seen_s;
		x->idle_j -= b->idle_j - a->idle_j;
		x->low_j -= b->low_j - a->low_j;
		x->high_j -= b->high_j - a->high_j;
	}
}

static void go_on(struct jm_measurements *all, struct jm_measurement *m)
{
	struct jm_moment now;
	struct jm_error why;
	size_t i;

	all->world.refresh(all->world.ctx);
	all->world.machine(all->world.ctx, &now);
	carry(&m->machine_first, &m->machine_last, &now);
	for (i = 0; i < m->n_parts; i++) {
		struct jm_measure_part *part = &m->parts[i];

		if (part->state != JM_MEASURE_RUNNING)
			continue;
		if (all->world.watch(all->world.ctx, part->pid, &part->id, &why)) {
			part->state = JM_MEASURE_GONE;
			snprintf(part->reason, sizeof(part->reason), "%.159s", why.message);
			continue;
		}
		all->world.process(all->world.ctx, part->id, &now);
		carry(&part->first, &part->last, &now);
		part->previous = part->last;
	}
	if (all->world.begin)
		all->world.begin(all->world.ctx);
}

int jm_measurements_resume(struct jm_measurements *all, struct jm_measurement *m, int64_t now_ns)
{
	size_t i;

	if (m->id < all->next_id || m->state > JM_MEASURE_RUNNING || !jm_grow(&all->items, &all->capacity, all->n_items, sizeof(*all->items))) {
		jm_measurement_free(m);
		return JM_E_INVALID;
	}
	m->n_pauses++;
	m->recording[0] = '\0';
	all->next_id = m->id + 1;
	all->items[all->n_items++] = m;
	all->n_active++;
	all->n_parts += m->n_parts;
	jm_measurements_tell(all, JM_MEASURE_ADDED, m, NULL);
	if (m->state == JM_MEASURE_RUNNING) {
		go_on(all, m);
		jm_measurements_tell(all, JM_MEASURE_STARTED, m, NULL);
	}
	for (i = 0; i < m->n_parts; i++)
		if (m->parts[i].state > JM_MEASURE_RUNNING)
			jm_measurements_tell(all, JM_MEASURE_PART_ENDED, m, &m->parts[i]);
	jm_measurements_end_if_over(all, m, now_ns);
	return 0;
}
