/* A comparison as the files of energy_aware_quantization, in a folder. */
#define _GNU_SOURCE
#include "session/compare.h"

#include "compare/hotspots.h"
#include "compare/write.h"
#include "core/error.h"
#include "core/file.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

/* Where files go. All are looked for before the first is written, so that one that may not be replaced keeps all others away. */
struct target {
	const struct jm_comparison_data *c;
	const char *folder;
	bool is_forced, is_look;
	struct jm_error *err;
};

/* Appends a file. v: of one variant; else NULL. Errors: JM_E_NOMEM. */
typedef int (*make_fn)(const struct jm_comparison_data *c, const struct jm_variant *v, struct jm_buffer *out);

static int put(const struct target *t, const char *name, make_fn make, const struct jm_variant *v)
{
	struct jm_buffer b = {0};
	char path[1200];
	int rc;

	if (snprintf(path, sizeof(path), "%.900s/%.256s", t->folder, name) >= (int)sizeof(path))
		return jm_error_set(t->err, JM_E_INVALID, "the path of %s is too long", name);
	if (t->is_look)
		return jm_file_is_free(path, t->is_forced, t->err);
	rc = make(t->c, v, &b) || b.is_failed ? jm_error_set(t->err, JM_E_NOMEM, "out of memory for %s", name)
					      : jm_file_write(path, b.data, b.n, t->is_forced, t->err);
	jm_buffer_finish(&b);
	return rc;
}

#define WHOLE(name, write)                                                                                             \
	static int name(const struct jm_comparison_data *c, const struct jm_variant *v, struct jm_buffer *out)         \
	{                                                                                                              \
		(void)v;                                                                                               \
		write(c, out);                                                                                         \
		return 0;                                                                                              \
	}
WHOLE(trials, jm_compare_trial_csv)
WHOLE(aggregated, jm_compare_aggregated_csv)
WHOLE(benchmark, jm_compare_benchmark_csv)
WHOLE(energy_results, jm_compare_energy_results_csv)
WHOLE(energy_results_json, jm_compare_energy_results_json)
#undef WHOLE

static int layer_energy(const struct jm_comparison_data *c, const struct jm_variant *v, struct jm_buffer *out)
{
	(void)c;
	return jm_compare_layer_energy_csv(v, out);
}

static int profiled_layers(const struct jm_comparison_data *c, const struct jm_variant *v, struct jm_buffer *out)
{
	(void)c;
	return jm_compare_profiled_layers_csv(v, out);
}

static int hotspots(const struct jm_comparison_data *c, const struct jm_variant *v, struct jm_buffer *out)
{
	(void)v;
	return jm_hotspots_csv(c, JM_HOTSPOTS_LAYER, out);
}

/* A variant may be called anything. */
static void file_name(const char *variant, char *out, size_t size)
{
	char *c;

	snprintf(out, size, "%.128s_per_layer_energy.csv", variant);
	for (c = out; *c; c++)
		if (*c == '/')
			*c = '_';
}

static int put_layers(const struct target *t)
{
	const struct jm_comparison_data *c = t->c;
	char name[160];
	size_t i;
	int rc = 0;

	for (i = 0; i < c->n_variants && rc == 0; i++) {
		if (c->variants[i].trials[0]->n_layers == 0)
			continue;
		file_name(jm_compare_precision_name(c, &c->variants[i]), name, sizeof(name));
		rc = put(t, name, layer_energy, &c->variants[i]);
	}
	/* The later notebook looks into the layers of its first precision alone. */
	if (rc == 0 && c->variants[0].trials[0]->n_layers)
		rc = put(t, "per_layer_energy.csv", profiled_layers, &c->variants[0]);
	return rc == 0 && c->layers ? put(t, "hotspots.csv", hotspots, NULL) : rc;
}

static int put_all(const struct target *t)
{
	static const struct {
		const char *name;
		make_fn make;
	} files[] = {{"trial_results.csv", trials},
		     {"aggregated_comparison.csv", aggregated},
		     {"benchmark_results.csv", benchmark},
		     {"energy_results_aggregated.csv", energy_results},
		     {"energy_results_aggregated.json", energy_results_json}};
	size_t i;
	int rc = 0;

	for (i = 0; i < sizeof(files) / sizeof(files[0]) && rc == 0; i++)
		rc = put(t, files[i].name, files[i].make, NULL);
	return rc ? rc : put_layers(t);
}

int jm_session_write_folder(const struct jm_comparison_data *c, const char *folder, bool overwrite,
			    struct jm_error *err)
{
	struct target t = {c, folder, overwrite, true, err};
	int rc;

	if (mkdir(folder, 0777) && errno != EEXIST)
		return jm_error_errno(err, errno, "cannot make the folder %s", folder);
	rc = put_all(&t);
	t.is_look = false;
	return rc ? rc : put_all(&t);
}
