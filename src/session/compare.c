#define _GNU_SOURCE
#include "session/compare.h"

#include "compare/hotspots.h"
#include "compare/layers.h"
#include "compare/write.h"
#include "core/error.h"
#include "core/grow.h"
#include "session/compare_page.h"
#include "session/write.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TRIALS_MAX 10000

struct jm_comparison {
	struct jm_comparison_data data;
	char *method; /* of the layers; NULL: auto */
};

struct gathered {
	const struct jm_compare_options *options;
	struct jm_trial *trials;
	size_t n, capacity;
};

static int add_file(struct gathered *g, const char *path, const char *label, struct jm_error *err)
{
	int rc;

	if (g->n == TRIALS_MAX)
		return jm_error_set(err, JM_E_INVALID, "more than %d recordings", TRIALS_MAX);
	if (!jm_grow(&g->trials, &g->capacity, g->n, sizeof(*g->trials)))
		return jm_error_set(err, JM_E_NOMEM, "out of memory for the recordings");
	rc = jm_session_trial(path, label, g->options, &g->trials[g->n], err);
	g->n += rc == 0;
	return rc;
}

static int is_recording(const struct dirent *e)
{
	size_t n = strlen(e->d_name);

	return n > 5 && strcmp(e->d_name + n - 5, ".jmap") == 0;
}

static int add_folder(struct gathered *g, const char *path, const char *label, struct jm_error *err)
{
	struct dirent **entries;
	int n = scandir(path, &entries, is_recording, alphasort), i, rc = 0;

	if (n < 0)
		return jm_error_errno(err, errno, "cannot read the folder %s", path);
	if (n == 0)
		rc = jm_error_set(err, JM_E_NOT_FOUND, "the folder %s holds no recordings (*.jmap)", path);
	for (i = 0; i < n; i++) {
		char *file = NULL;

		if (rc == 0 && asprintf(&file, "%s/%s", path, entries[i]->d_name) < 0)
			rc = jm_error_set(err, JM_E_NOMEM, "out of memory for the recordings");
		if (rc == 0)
			rc = add_file(g, file, label, err);
		free(file);
		free(entries[i]);
	}
	free(entries);
	return rc;
}

/* A file may have '=' in its name: what is there as it stands is a path. */
static int add_input(struct gathered *g, const char *input, struct jm_error *err)
{
	const char *equals = strchr(input, '='), *path = input;
	char label[128] = "";
	struct stat st;

	if (equals && equals > input && access(input, F_OK) != 0) {
		snprintf(label, sizeof(label), "%.*s", (int)(equals - input), input);
		path = equals + 1;
	}
	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return add_folder(g, path, label[0] ? label : NULL, err);
	return add_file(g, path, label[0] ? label : NULL, err);
}

/* Two recordings called run.jmap in two folders are two variants: their paths tell them apart. */
static void tell_apart(struct gathered *g, const char *const *inputs, size_t n)
{
	size_t i, k;

	if (g->n != n)
		return;
	for (i = 0; i < n; i++)
		for (k = 0; k < i; k++)
			if (strcmp(g->trials[i].label, g->trials[k].label) == 0 && g->trials[i].is_named_by_file &&
			    strcmp(inputs[k], inputs[i]) != 0)
				snprintf(g->trials[i].label, sizeof(g->trials[i].label), "%.127s", inputs[i]);
}

/* A recording that counts twice would make its own spread look like nothing. */
static int refuse_twice(const struct gathered *g, struct jm_error *err)
{
	struct stat *files = calloc(g->n + 1, sizeof(*files));
	size_t i, k;
	int rc = files ? 0 : jm_error_set(err, JM_E_NOMEM, "out of memory for the recordings");

	for (i = 0; rc == 0 && i < g->n; i++) {
		if (stat(g->trials[i].path, &files[i]))
			files[i] = (struct stat){0};
		for (k = 0; rc == 0 && files[i].st_ino && k < i; k++)
			if (files[k].st_ino == files[i].st_ino && files[k].st_dev == files[i].st_dev &&
			    strcmp(g->trials[k].label, g->trials[i].label) == 0)
				rc = jm_error_set(err, JM_E_INVALID, "%s is given twice for %s: a trial counts once",
						  g->trials[i].path, g->trials[i].label);
	}
	free(files);
	return rc;
}

static bool is_of(const struct jm_trial *t, const char *first)
{
	return strcmp(t->label, first) == 0 || strcmp(t->model, first) == 0;
}

/* A slip in the name must not set the others against something else. */
static int refuse_unknown(const struct gathered *g, const char *first, struct jm_error *err)
{
	struct jm_buffer known = {0};
	size_t i;

	for (i = 0; first && i < g->n; i++) {
		if (is_of(&g->trials[i], first))
			break;
		if (i == 0 || strcmp(g->trials[i].label, g->trials[i - 1].label) != 0)
			jm_buffer_printf(&known, "%s%s", i ? ", " : "", g->trials[i].label);
	}
	if (first && i == g->n) {
		jm_error_set(err, JM_E_NOT_FOUND, "no variant and no model is called %s", first);
		if (jm_buffer_terminate(&known))
			jm_error_remedy(err, "one of: %s", known.data);
	}
	jm_buffer_finish(&known);
	return first && i == g->n ? JM_E_NOT_FOUND : 0;
}

/* Trials of the variant that the others are set against come first; orders stay otherwise. */
static void put_first(struct gathered *g, const char *first)
{
	size_t n = 0, i;

	for (i = 0; first && i < g->n; i++) {
		struct jm_trial t = g->trials[i];

		if (!is_of(&t, first))
			continue;
		memmove(&g->trials[n + 1], &g->trials[n], (i - n) * sizeof(t));
		g->trials[n++] = t;
	}
}

static int match_layers(struct jm_comparison_data *c, uint64_t seed)
{
	size_t i;
	int rc = 0;

	c->layers = calloc(c->n_variants + 1, sizeof(*c->layers));
	if (!c->layers)
		return JM_E_NOMEM;
	for (i = 1; i < c->n_variants && rc == 0; i++)
		rc = jm_layers_match(&c->variants[0], &c->variants[i], seed, &c->layers[i - 1]);
	return rc;
}

static int finish_lines(struct jm_comparison_data *c)
{
	return jm_buffer_terminate(&c->notes) && jm_buffer_terminate(&c->verdicts) ? 0 : JM_E_NOMEM;
}

int jm_comparison_open(const char *const *inputs, size_t n, const struct jm_compare_options *options,
		       struct jm_comparison **out, struct jm_error *err)
{
	struct jm_compare_options used = {.size = sizeof(used)};
	struct gathered g = {.options = &used};
	struct jm_comparison *c;
	size_t i;
	int rc = 0;

	if (options)
		memcpy(&used, options, options->size < sizeof(used) ? options->size : sizeof(used));
	if (n == 0)
		return jm_error_set(err, JM_E_INVALID, "no recordings to compare");
	for (i = 0; i < n && rc == 0; i++)
		rc = add_input(&g, inputs[i], err);
	if (rc == 0) {
		tell_apart(&g, inputs, n);
		rc = refuse_twice(&g, err);
		rc = rc ? rc : refuse_unknown(&g, used.first, err);
	}
	if (rc) {
		for (i = 0; i < g.n; i++)
			jm_trial_finish(&g.trials[i]);
		free(g.trials);
		return rc;
	}
	put_first(&g, used.first);
	c = calloc(1, sizeof(*c));
	rc = c ? jm_comparison_make(g.trials, g.n, used.seed, &c->data) : JM_E_NOMEM;
	if (rc == 0 && used.method)
		rc = (c->method = strdup(used.method)) ? 0 : JM_E_NOMEM;
	if (rc == 0 && used.with_layers)
		rc = match_layers(&c->data, used.seed);
	rc = rc ? rc : finish_lines(&c->data);
	if (rc) {
		jm_comparison_destroy(c);
		return jm_error_set(err, rc, "out of memory for the comparison");
	}
	*out = c;
	return 0;
}

void jm_comparison_destroy(struct jm_comparison *c)
{
	if (!c)
		return;
	jm_comparison_finish(&c->data);
	free(c->method);
	free(c);
}

static int write_layers(const struct jm_comparison_data *c, const char *format, const struct jm_compare_view *view,
			struct jm_buffer *b, struct jm_error *err)
{
	if (!c->layers)
		return jm_error_set(err, JM_E_INVALID, "the layers of this comparison were not matched");
	if (strcmp(format, "csv") == 0) {
		jm_compare_layers_csv(c, b);
		return 0;
	}
	if (strcmp(format, "table") != 0)
		return jm_error_set(err, JM_E_INVALID,
				    "layers are written as table or csv, or with all else as json, not as '%s'",
				    format);
	if (jm_compare_table(c, view, b) || jm_compare_layers_table(c, view, b))
		return jm_error_set(err, JM_E_NOMEM, "out of memory for the table");
	return 0;
}

/* Formats that layers have of their own; of the others some hold layers by themselves. */
static bool is_of_layers(const char *format)
{
	return strcmp(format, "json") != 0 && strcmp(format, "per_layer_energy") != 0;
}

/* Gives how hot spots are asked for, or -1: they are not. */
static int hotspots_by(const char *by)
{
	static const char *const texts[] = {"hotspot", "type", "part"};
	int i;

	for (i = 0; i < 3; i++)
		if (strcmp(by, texts[i]) == 0)
			return i;
	return -1;
}

static int write_hotspots(const struct jm_comparison_data *c, int by, const char *format,
			  const struct jm_compare_view *view, struct jm_buffer *b, struct jm_error *err)
{
	int rc;

	if (!c->layers)
		return jm_error_set(err, JM_E_INVALID, "the layers of this comparison were not matched");
	if (strcmp(format, "table") != 0 && strcmp(format, "csv") != 0)
		return jm_error_set(err, JM_E_INVALID,
				    "hot spots are written as table or csv, or with all else as json, not as '%s'", format);
	rc = strcmp(format, "csv") == 0 ? jm_hotspots_csv(c, (enum jm_hotspots_by)by, b)
					: jm_hotspots_table(c, (enum jm_hotspots_by)by, view, b);
	return rc ? jm_error_set(err, rc, "out of memory for the hot spots") : 0;
}

/* The layers of the first variant: the notebook looks into one precision. */
static int write_profiled_layers(const struct jm_comparison_data *c, struct jm_buffer *b, struct jm_error *err)
{
	if (c->variants[0].trials[0]->n_layers == 0)
		return jm_error_set(err, JM_E_INVALID, "the layers of %s were not read, or it has none", c->variants[0].name);
	return jm_compare_profiled_layers_csv(&c->variants[0], b)
		   ? jm_error_set(err, JM_E_NOMEM, "out of memory for the layers")
		   : 0;
}

static int write_to(const struct jm_comparison_data *c, const char *format, const struct jm_compare_view *view,
		    struct jm_buffer *b, struct jm_error *err)
{
	static const struct {
		const char *name;
		void (*write)(const struct jm_comparison_data *c, struct jm_buffer *out);
	} formats[] = {{"trial", jm_compare_trial_csv},
		       {"aggregated", jm_compare_aggregated_csv},
		       {"benchmark_results", jm_compare_benchmark_csv},
		       {"energy_results_aggregated", jm_compare_energy_results_csv}};
	size_t i;

	if (strcmp(format, "table") == 0)
		return jm_compare_table(c, view, b) ? jm_error_set(err, JM_E_NOMEM, "out of memory for the table") : 0;
	if (strcmp(format, "json") == 0 || strcmp(format, "csv") == 0) {
		(strcmp(format, "json") == 0 ? jm_compare_json : jm_compare_csv)(c, &view->tariff, b);
		return 0;
	}
	if (strcmp(format, "per_layer_energy") == 0)
		return write_profiled_layers(c, b, err);
	for (i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
		if (strcmp(format, formats[i].name) == 0) {
			formats[i].write(c, b);
			return 0;
		}
	return jm_error_set(err, JM_E_INVALID,
			    "there is no format '%s': table, html, json, csv, trial, aggregated, benchmark_results, "
			    "energy_results_aggregated or per_layer_energy",
			    format);
}

int jm_comparison_write(const struct jm_comparison *c, const struct jm_view_options *options, jm_write_fn write,
			void *ctx, struct jm_error *err)
{
	struct jm_view_options used = {.size = sizeof(used)};
	struct jm_buffer b = {0};
	struct jm_compare_view view;
	const char *format, *by;
	int rc;

	/* A caller that was built with an earlier header knows fewer fields. */
	if (options)
		memcpy(&used, options, options->size < sizeof(used) ? options->size : sizeof(used));
	format = used.format ? used.format : "table";
	by = used.by ? used.by : "variant";
	view = (struct jm_compare_view){.limit = used.limit, .is_colour = used.is_colour, .width = used.width};
	rc = jm_tariff_parse(used.carbon, used.price, &view.tariff, err);
	if (rc)
		return rc;
	if (strcmp(format, "html") == 0)
		rc = jm_comparison_page(&c->data, c->method, &view.tariff, &b, err);
	else if (strcmp(by, "layer") == 0 && is_of_layers(format))
		rc = write_layers(&c->data, format, &view, &b, err);
	else if (strcmp(by, "variant") == 0 || strcmp(by, "layer") == 0 ||
		 (hotspots_by(by) >= 0 && strcmp(format, "json") == 0))
		rc = write_to(&c->data, format, &view, &b, err);
	else if (hotspots_by(by) >= 0)
		rc = write_hotspots(&c->data, hotspots_by(by), format, &view, &b, err);
	else
		rc = jm_error_set(err, JM_E_INVALID, "cannot compare by '%s': variant, layer, hotspot, type or part",
				  by);
	return jm_session_write(&b, rc, "the comparison", write, ctx, err);
}

int jm_comparison_write_folder(const struct jm_comparison *c, const char *folder, bool overwrite, struct jm_error *err)
{
	return jm_session_write_folder(&c->data, folder, overwrite, err);
}

const struct jm_comparison_data *jm_comparison_data_of(const struct jm_comparison *c)
{
	return &c->data;
}

size_t jm_comparison_n_variants(const struct jm_comparison *c)
{
	return c->data.n_variants;
}

int jm_comparison_variant(const struct jm_comparison *c, size_t i, struct jm_variant_info *out)
{
	const struct jm_variant *v;

	if (i >= c->data.n_variants)
		return JM_E_INVALID;
	v = &c->data.variants[i];
	*out = (struct jm_variant_info){.name = v->name,
					.model = v->trials[0]->model,
					.precision = v->trials[0]->precision,
					.state = jm_state_text(v->state),
					.score = v->trials[0]->score.name,
					.n_trials = v->n_trials,
					.simulates_integers = v->is_simulated};
	return 0;
}

int jm_comparison_figure(const struct jm_comparison *c, size_t i, const char *key, struct jm_figure_info *out)
{
	int f;

	for (f = 0; f < JM_N_FIGURES; f++)
		if (strcmp(key, jm_figure_key((enum jm_figure)f)) == 0)
			break;
	if (i >= c->data.n_variants || f == JM_N_FIGURES)
		return JM_E_INVALID;
	*out = (struct jm_figure_info){.mean = c->data.variants[i].mean[f],
				       .std = c->data.variants[i].std[f],
				       .against = c->data.variants[i].against[f].value,
				       .ci_low = c->data.variants[i].against[f].ci.low,
				       .ci_high = c->data.variants[i].against[f].ci.high,
				       .p = c->data.variants[i].against[f].p,
				       .basis = jm_basis_text(c->data.variants[i].against[f].basis),
				       .reason = c->data.variants[i].against[f].why};
	return 0;
}

const char *jm_comparison_notes(const struct jm_comparison *c)
{
	return c->data.notes.data;
}

const char *jm_comparison_verdicts(const struct jm_comparison *c)
{
	return c->data.verdicts.data;
}
