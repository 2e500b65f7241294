#define _GNU_SOURCE
#include "trace/activity_set.h"

#include "core/error.h"
#include "core/grow.h"
#include "trace/kernel_name.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int jm_activity_set_create(struct jm_trace_output *out, uint32_t first_track, struct jm_activity_set **set_out)
{
	struct jm_activity_set *set = calloc(1, sizeof(*set));

	if (!set)
		return JM_E_NOMEM;
	set->out = out;
	set->next_track = first_track;
	jm_emit_init(&set->emit, out);
	*set_out = set;
	return 0;
}

static void write_totals(struct jm_activity_set *set)
{
	const struct jm_activity_totals *t = &set->totals;
	struct jm_emit *e = &set->emit;

	jm_emit_meta(e, "cuda_processes", "%" PRIu64, t->n_processes);
	jm_emit_meta(e, "cuda_kernels", "%" PRIu64, t->n_kernels);
	jm_emit_meta(e, "cuda_copies", "%" PRIu64, t->n_copies);
	jm_emit_meta(e, "cuda_ranges", "%" PRIu64, t->n_ranges);
	jm_emit_meta(e, "cuda_dropped", "%" PRIu64, t->n_dropped);
	jm_emit_meta(e, "cuda_without_time", "%" PRIu64, t->n_without_time);
	jm_emit_meta(e, "cuda_clock_residual_ns", "%" PRId64, t->residual_ns);
	jm_emit_meta(e, "cuda_clock_ahead_ns", "%" PRId64, t->ahead_ns);
}

int jm_activity_set_finish(struct jm_activity_set *set, struct jm_error *err)
{
	const struct jm_activity_totals *t = &set->totals;

	write_totals(set);
	if (t->n_dropped)
		jm_trace_warn(set->out,
			      "CUPTI dropped %" PRIu64 " records: that much of the devices' work is in no row",
			      t->n_dropped);
	if (t->n_without_time)
		jm_trace_warn(set->out,
			      "%" PRIu64
			      " kernels or copies came without times and are left out: they were still running when "
			      "their process ended, or CUPTI had no room for them",
			      t->n_without_time);
	if (t->n_ranges && t->n_kernels + t->n_copies && !t->n_in_ranges)
		jm_trace_warn(set->out, "there are ranges, but no kernel or copy was launched inside of one");
	return jm_emit_finish(&set->emit, err);
}

void jm_activity_set_destroy(struct jm_activity_set *set)
{
	size_t i;

	if (!set)
		return;
	for (i = 0; i < set->texts.n; i++)
		free(set->items[i].shown);
	free(set->items);
	jm_names_finish(&set->texts);
	jm_names_finish(&set->shown);
	free(set);
}

int jm_activity_text(struct jm_activity_set *set, const char *text, size_t n, uint32_t *index_out)
{
	size_t before = set->texts.n;
	int rc;

	if (!jm_grow(&set->items, &set->capacity, before, sizeof(*set->items)))
		return JM_E_NOMEM;
	rc = jm_names_add(&set->texts, text, n, "", 0, index_out);
	if (rc == 0 && set->texts.n > before)
		set->items[before] = (struct jm_activity_text){NULL, JM_ACTIVITY_UNNAMED, JM_ACTIVITY_UNNAMED};
	return rc;
}

/* Gives a kernel's short name; of several that are alike when shortened, the later ones get a number. */
static const char *shown(struct jm_activity_set *set, uint32_t text)
{
	char name[JM_KERNEL_NAME_SIZE], numbered[JM_KERNEL_NAME_SIZE + 16];
	unsigned number;
	uint32_t index;

	if (set->items[text].shown)
		return set->items[text].shown;
	jm_kernel_name(set->texts.items[text].text, name, sizeof(name));
	snprintf(numbered, sizeof(numbered), "%s", name);
	for (number = 2;; number++) {
		size_t before = set->shown.n;

		if (jm_names_add(&set->shown, numbered, strlen(numbered), "", 0, &index)) {
			set->emit.rc = set->emit.rc ? set->emit.rc : JM_E_NOMEM;
			return "";
		}
		if (set->shown.n > before)
			break;
		snprintf(numbered, sizeof(numbered), "%s (%u)", name, number);
	}
	set->items[text].shown = strdup(numbered);
	if (!set->items[text].shown)
		set->emit.rc = set->emit.rc ? set->emit.rc : JM_E_NOMEM;
	return set->items[text].shown ? set->items[text].shown : "";
}

static uint32_t name_in_graph(struct jm_activity_set *set, const char *text, uint32_t graph)
{
	char type[32];

	snprintf(type, sizeof(type), "graph %" PRIu32, graph);
	return jm_emit_name(&set->emit, text, strlen(text), type, strlen(type));
}

uint32_t jm_activity_kernel_name(struct jm_activity_set *set, uint32_t text, uint32_t graph)
{
	uint32_t *known = &set->items[text].kernel;
	const char *name;

	if (!graph && *known != JM_ACTIVITY_UNNAMED)
		return *known;
	name = shown(set, text);
	if (graph)
		return name_in_graph(set, name, graph);
	*known = jm_emit_name(&set->emit, name, strlen(name), "kernel", strlen("kernel"));
	return *known;
}

uint32_t jm_activity_copy_name(struct jm_activity_set *set, const char *what, uint32_t graph)
{
	const char *type = strchr(what, ' ') ? "memcpy" : "memset";

	if (graph)
		return name_in_graph(set, what, graph);
	return jm_emit_name(&set->emit, what, strlen(what), type, strlen(type));
}

uint32_t jm_activity_range_name(struct jm_activity_set *set, uint32_t text)
{
	uint32_t *known = &set->items[text].range;
	const char *name = set->texts.items[text].text;

	if (*known == JM_ACTIVITY_UNNAMED)
		*known = jm_emit_name(&set->emit, *name ? name : "(unnamed range)",
				      strlen(*name ? name : "(unnamed range)"), "range", strlen("range"));
	return *known;
}
