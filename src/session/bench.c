#define _GNU_SOURCE
#include "session/bench.h"

#include "core/error.h"
#include "core/random.h"
#include "core/units.h"
#include "runner/evaluate.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define BASELINE_NS  (2 * JM_NS_PER_S)
#define ROUNDS_MIN   3 /* before an interval may end it */
#define SETTLE       0.05
#define MODELS_MAX   64
#define VARIANT_SIZE 96

struct bench {
	struct jm_bench_options options;
	struct jm_bench_baseline baseline;
	char variants[MODELS_MAX][VARIANT_SIZE], id[64];
	bool is_failed[MODELS_MAX];
	jm_progress_fn progress;
	void *ctx;
	struct jm_bench_summary *out;
	struct jm_error first_failure;
	uint64_t seed;
	int folder_fd; /* holds the lock; -1: none */
};

__attribute__((format(printf, 2, 3))) static void tell(const struct bench *b, const char *format, ...)
{
	char text[1024];
	va_list args;

	if (!b->options.tell)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	b->options.tell(b->ctx, text);
}

void jm_bench_shuffle(size_t *order, size_t n, uint64_t *seed)
{
	size_t i;

	for (i = 0; i < n; i++)
		order[i] = i;
	for (i = n; i > 1; i--) {
		size_t k = jm_random_below(seed, i), swap = order[k];

		order[k] = order[i - 1];
		order[i - 1] = swap;
	}
}

/* "models/bert-int8.onnx" is "bert-int8". */
static void name_variant(const char *model, char *out, size_t size)
{
	const char *slash = strrchr(model, '/'), *name = slash ? slash + 1 : model;
	size_t n = strlen(name);

	if (n > 5 && strcmp(name + n - 5, ".onnx") == 0)
		n -= 5;
	snprintf(out, size, "%.*s", (int)n, name);
}

static int name_all(struct bench *b, struct jm_error *err)
{
	size_t i, k;

	if (b->options.n_models < 1 || b->options.n_models > MODELS_MAX)
		return jm_error_set(err, JM_E_INVALID, "a bench takes 1 to %d models", MODELS_MAX);
	for (i = 0; i < b->options.n_models; i++) {
		name_variant(b->options.models[i], b->variants[i], sizeof(b->variants[i]));
		for (k = 0; k < i; k++)
			if (strcmp(b->variants[i], b->variants[k]) == 0)
				return jm_error_set(err, JM_E_INVALID, "two models are called %s: %s and %s",
						    b->variants[i], b->options.models[k], b->options.models[i]);
	}
	return 0;
}

/* The lock lasts as long as this process and the child of its trial have the folder open: it is never left behind. */
static int lock_folder(struct bench *b, struct jm_error *err)
{
	b->folder_fd = open(b->options.folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (b->folder_fd < 0)
		return jm_error_errno(err, errno, "cannot read the folder %s", b->options.folder);
	/* Other errors: a file system without locks. */
	if (flock(b->folder_fd, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK)
		return 0;
	jm_error_set(err, JM_E_EXISTS, "another bench is at work in %s", b->options.folder);
	return jm_error_remedy(err, "wait for its end, or give another folder (-o FOLDER)");
}

static int make_folder(struct bench *b, struct jm_error *err)
{
	const struct dirent *e;
	DIR *d;
	int rc;

	if (mkdir(b->options.folder, 0777) && errno != EEXIST)
		return jm_error_errno(err, errno, "cannot make the folder %s", b->options.folder);
	rc = lock_folder(b, err);
	if (rc)
		return rc;
	d = opendir(b->options.folder);
	if (!d)
		return jm_error_errno(err, errno, "cannot read the folder %s", b->options.folder);
	while (rc == 0 && (e = readdir(d)))
		if (strlen(e->d_name) > 5 && strcmp(e->d_name + strlen(e->d_name) - 5, ".jmap") == 0) {
			jm_error_set(err, JM_E_EXISTS, "the folder %s holds recordings already", b->options.folder);
			jm_error_remedy(err, "another folder with -o; joulemap compare %s shows it again",
					b->options.folder);
			rc = JM_E_EXISTS;
		}
	closedir(d);
	return rc;
}

/* A path with a slip in it would else be found when its turn comes. What a file holds is seen then: the others go on without it. */
static int check_models(const struct bench *b, struct jm_error *err)
{
	struct stat st;
	size_t i;

	for (i = 0; i < b->options.n_models; i++) {
		const char *path = b->options.models[i];

		if (access(path, R_OK) || stat(path, &st)) {
			jm_error_errno(err, errno, "cannot open %s", path);
			return jm_error_remedy(err, "give the path of an ONNX file");
		}
		if (S_ISDIR(st.st_mode))
			return jm_error_set(err, JM_E_INVALID, "%s is a folder, and no ONNX file", path);
	}
	return 0;
}

/* Data and labels that do not fit each other are to be found before hours of measuring, not after. */
static int check_data(const struct bench *b, struct jm_error *err)
{
	const struct jm_run_options *run = &b->options.run;
	struct jm_data_set set;
	int rc;

	if (run->n_data == 0 && !run->labels && !run->metric)
		return 0;
	rc = jm_data_set_load(run->data, run->n_data, run->labels, &set, err);
	jm_data_set_finish(&set);
	return rc;
}

/* Gives 0 also where the model failed and is left out from now on. Errors: JM_E_CANCELLED. */
static int run_trial(struct bench *b, size_t model, uint64_t round, uint64_t position, struct jm_error *err)
{
	struct jm_bench_trial trial = {.options = &b->options,
				       .baseline = &b->baseline,
				       .model = b->options.models[model],
				       .variant = b->variants[model],
				       .bench = b->id,
				       .round = round,
				       .position = position};
	struct jm_error why = {0};
	char *path;
	int rc;

	if (asprintf(&path, "%s/%s-%03llu.jmap", b->options.folder, b->variants[model], (unsigned long long)round) < 0)
		return jm_error_set(err, JM_E_NOMEM, "out of memory for a path");
	trial.path = path;
	if (jm_bench_is_stop_asked()) {
		free(path);
		return jm_error_set(err, JM_E_CANCELLED, "stopped by a signal");
	}
	tell(b, "round %llu, trial %llu of %zu: %s", (unsigned long long)round, (unsigned long long)position,
	     b->options.n_models, b->variants[model]);
	rc = jm_bench_trial(&trial, b->progress, b->ctx, &why);
	free(path);
	if (rc == 0) {
		b->out->n_trials++;
		return 0;
	}
	if (rc == JM_E_CANCELLED) {
		if (err)
			*err = why;
		return rc;
	}
	tell(b, "%s failed in round %llu: %s; it is left out from now on, its earlier trials are kept",
	     b->variants[model], (unsigned long long)round, why.message);
	if (why.remedy[0])
		tell(b, "  try: %s", why.remedy);
	b->is_failed[model] = true;
	if (b->out->n_failed++ == 0)
		b->first_failure = why;
	return 0;
}

/* Half of the interval of each ratio of energies, against the ratio; of latencies where energy is estimated. Gives the largest; infinity
 * where one has none. */
static double widest(const struct bench *b)
{
	struct jm_compare_options options = {.size = sizeof(options)};
	const char *const inputs[] = {b->options.folder};
	struct jm_comparison *c;
	struct jm_variant_info v;
	struct jm_figure_info f;
	double widest = 0;
	size_t i;

	if (jm_comparison_open(inputs, 1, &options, &c, NULL))
		return INFINITY;
	for (i = 1; i < jm_comparison_n_variants(c); i++) {
		if (jm_comparison_variant(c, i, &v) || strcmp(v.state, "measured") != 0 ||
		    jm_comparison_figure(c, i, "energy_per_item_mj", &f) || !isfinite(f.against))
			jm_comparison_figure(c, i, "latency_ms", &f);
		widest = fmax(widest, isfinite(f.ci_high) ? (f.ci_high - f.ci_low) / 2 / f.against : INFINITY);
	}
	i = jm_comparison_n_variants(c);
	jm_comparison_destroy(c);
	return i > 1 ? widest : INFINITY;
}

static bool is_enough(const struct bench *b, uint64_t round, int64_t start_ns)
{
	double width;

	if (b->out->n_failed >= b->options.n_models)
		return true;
	if (jm_now_ns() - start_ns >= b->options.budget_ns) {
		tell(b, "the budget of %.4g s is spent after %llu rounds", jm_s_from_ns(b->options.budget_ns),
		     (unsigned long long)round);
		return true;
	}
	if (b->options.until_fraction <= 0 || round < ROUNDS_MIN)
		return false;
	width = widest(b);
	if (width <= b->options.until_fraction)
		tell(b, "known within %.2g %% after %llu rounds", 100 * width, (unsigned long long)round);
	return width <= b->options.until_fraction;
}

static int run_rounds(struct bench *b, struct jm_error *err)
{
	int64_t start_ns = jm_now_ns();
	size_t order[MODELS_MAX], i;
	uint64_t round;
	int rc = 0;

	for (round = 1; round <= b->options.rounds && rc == 0; round++) {
		uint64_t position = 0;

		jm_bench_shuffle(order, b->options.n_models, &b->seed);
		for (i = 0; i < b->options.n_models && rc == 0; i++)
			if (!b->is_failed[order[i]])
				rc = run_trial(b, order[i], round, ++position, err);
		b->out->n_rounds += rc == 0;
		if (rc == 0 && is_enough(b, round, start_ns))
			break;
	}
	if (rc == 0 && b->out->n_trials == 0) {
		rc = b->first_failure.code;
		if (err)
			*err = b->first_failure;
	}
	return rc;
}

static void set_defaults(struct jm_bench_options *o)
{
	o->rounds = o->rounds ? o->rounds : JM_DEFAULT_BENCH_ROUNDS;
	o->budget_ns = o->budget_ns ? o->budget_ns : JM_DEFAULT_BENCH_BUDGET_NS;
	if (o->run.duration_ns <= 0 && o->run.runs == 0)
		o->run.duration_ns = JM_DEFAULT_BENCH_TRIAL_NS;
	if (o->run.settle_fraction <= 0)
		o->run.settle_fraction = SETTLE;
}

int jm_bench(const struct jm_bench_options *options, jm_progress_fn progress, void *ctx, struct jm_bench_summary *out,
	     struct jm_error *err)
{
	struct bench *b;
	int rc;

	memset(out, 0, sizeof(*out));
	if (!options || options->size < sizeof(*options) || !options->folder ||
	    options->run.size < sizeof(options->run))
		return jm_error_set(err, JM_E_INVALID, "a bench needs a folder and options of this version");
	b = calloc(1, sizeof(*b));
	if (!b)
		return jm_error_set(err, JM_E_NOMEM, "out of memory for the bench");
	b->options = *options;
	b->progress = progress;
	b->ctx = ctx;
	b->out = out;
	b->folder_fd = -1;
	b->seed = options->run.seed;
	set_defaults(&b->options);
	snprintf(b->id, sizeof(b->id), "%lld", (long long)jm_now_ns());
	rc = name_all(b, err);
	rc = rc ? rc : check_models(b, err);
	rc = rc ? rc : check_data(b, err);
	rc = rc ? rc : make_folder(b, err);
	if (rc == 0 && b->options.rest_limit_ns >= 0)
		rc = jm_bench_baseline(b->options.sensors, BASELINE_NS, &b->baseline, err);
	if (rc == 0 && b->options.rest_limit_ns >= 0 && !isfinite(b->baseline.temperature_c))
		tell(b, "no temperature is known here: rests go by power alone");
	rc = rc ? rc : run_rounds(b, err);
	if (b->folder_fd >= 0)
		close(b->folder_fd);
	free(b);
	return rc;
}
