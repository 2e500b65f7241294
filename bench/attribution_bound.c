/* The least error that readings allow: what the best linear estimate reaches that is told the truth about everything the
 * estimator has to find, on the same emulated runs as bench_attribution_truth. Prints JSON.
 * Usage: bench_attribution_bound [n_seeds [sensor [seconds]]]
 *
 *   y = sum a p (1 + wobble) + ... + noise,   a exact, from the true schedule, its three steps inside a layer included
 *
 * Told: the variance of the noise, of the quantum, of what the update's jitter does to each reading (from the true power), of
 * the wobble, and of the powers themselves (uniform, 180 to 650 W; fused: 3 % about the layer alone, 5 % for its class).
 * "known": lag, box, low-pass, idle level and the ramps inside layers are told, too; nothing but 60 powers is unknown.
 * "told": they are known as well as calibration knows them, ramps to 10 %.
 * The posterior covariance C = (A' D^-1 A + prior)^-1 of such a linear model is the least that a linear estimate can have
 * (Gauss-Markov), and the Cramer-Rao bound when all is normal. Expected error: sum d sqrt(2 C / pi) / sum d p.
 * Next to it the error this estimate has on the very readings of the run. */
#include "../tests/support/emulator.h"

#include "attribution/forward.h"
#include "core/linalg.h"

#define N_SLOTS    16
#define N_FELT     8 /* iterations in one kernel */
#define RAMP_SD    0.1
#define WOBBLE_SD  0.005
#define KAPPA_SD   0.05
#define ALONE_SD   0.03
#define TAU_FACTOR 1.001
#define STEP_S     1e-5
#define N_STEPS    ((size_t)EMU_LAYERS * EMU_STEPS)
#define KNOWN      1e12 /* precision of what is told */

/* Unknowns, as deviations from the truth. */
enum {
	FIRST_RAMP = EMU_LAYERS,
	FIRST_CLASS = 2 * EMU_LAYERS,
	IDLE = FIRST_CLASS + EMU_CLASSES,
	LAG,
	BOX,
	TAU,
	FIRST_WOBBLE
};

struct problem {
	const struct emu_world *w;
	const struct emu_sensor *s;
	struct jm_kernel kernel;
	bool is_fused, is_known;
	struct jm_segment *segments;
	double step_w[EMU_LAYERS * EMU_STEPS]; /* mean power of each step of each layer */
	uint32_t *slots;
	size_t n;              /* unknowns */
	double *m, *rhs, *row; /* n x n, n, n */
	double jitter_w2;
	size_t n_readings;
};

static const struct emu_piece *piece(const struct emu_world *w, size_t iteration, size_t step)
{
	return &w->pieces[1 + iteration * (N_STEPS + 1) + step];
}

static void open_problem(struct problem *p)
{
	size_t i, k, n = p->w->n_iterations;

	p->n = FIRST_WOBBLE + n;
	p->segments = calloc(n * N_STEPS, sizeof(*p->segments));
	p->slots = calloc(n * N_STEPS, sizeof(*p->slots));
	p->m = calloc(p->n * p->n + 2 * p->n, sizeof(double));
	if (!p->segments || !p->slots || !p->m)
		abort();
	p->rhs = p->m + p->n * p->n;
	p->row = p->rhs + p->n;
	for (i = 0; i < n; i++) {
		for (k = 0; k < N_STEPS; k++) {
			const struct emu_piece *q = piece(p->w, i, k);

			p->segments[i * N_STEPS + k] = (struct jm_segment){q->start_s, q->end_s, (uint32_t)k, 1};
			p->slots[i * N_STEPS + k] = (uint32_t)(i % N_SLOTS);
			p->step_w[k] += q->power_w / (double)n;
		}
	}
}

static void close_problem(struct problem *p)
{
	free(p->segments);
	free(p->slots);
	free(p->m);
}

static double reading(const struct problem *p, double t_s, double box_s)
{
	return emu_reading(p->w, t_s, box_s, p->kernel.tau_s);
}

/* Variance of a reading because its update strays: five points of Gauss-Hermite. */
static double jitter_variance(const struct problem *p, double t_s)
{
	static const double z[] = {0, 1.355626, -1.355626, 2.856970, -2.856970};
	static const double weight[] = {0.533333, 0.222076, 0.222076, 0.0112574, 0.0112574};
	double mean = 0, square = 0;
	size_t j;

	for (j = 0; j < 5; j++) {
		double y = reading(p, t_s + 1e-3 * p->s->jitter_ms * z[j], p->kernel.box_s);

		mean += weight[j] * y;
		square += weight[j] * y * y;
	}
	return fmax(0, square - mean * mean);
}

static void fill_row(struct problem *p, double t_s, const double *active, const double *felt, double tau_slope,
		     size_t newest)
{
	double busy = 0, box = p->kernel.box_s;
	size_t k;

	memset(p->row, 0, p->n * sizeof(double));
	for (k = 0; k < N_STEPS; k++) {
		size_t l = k / EMU_STEPS;

		busy += active[k];
		p->row[l] += active[k];
		p->row[FIRST_RAMP + l] += active[k] * ((double)(k % EMU_STEPS) - 1) * p->w->power_w[l];
		if (p->is_fused)
			p->row[FIRST_CLASS + p->w->layer_class[l]] += active[k] * p->w->power_w[l];
	}
	p->row[IDLE] = 1 - busy;
	p->row[LAG] = (reading(p, t_s + STEP_S, box) - reading(p, t_s - STEP_S, box)) / (2 * STEP_S);
	if (box > 0)
		p->row[BOX] = (reading(p, t_s, box * TAU_FACTOR) - reading(p, t_s, box / TAU_FACTOR)) /
			      (box * (TAU_FACTOR - 1 / TAU_FACTOR));
	p->row[TAU] = tau_slope;
	for (k = 0; k < N_FELT && k <= newest; k++)
		p->row[FIRST_WOBBLE + newest - k] = felt[(newest - k) % N_SLOTS];
}

static void add_row(struct problem *p, double weight, double error)
{
	size_t at[FIRST_WOBBLE + N_FELT], n = 0, i, j;

	for (i = 0; i < p->n; i++) {
		if (p->row[i] != 0)
			at[n++] = i;
	}
	for (i = 0; i < n; i++) {
		p->rhs[at[i]] += weight * p->row[at[i]] * error;
		for (j = 0; j <= i; j++)
			p->m[at[i] * p->n + at[j]] += weight * p->row[at[i]] * p->row[at[j]];
	}
}

static void add_readings(struct problem *p)
{
	size_t i, newest = 0, n_segments = p->w->n_iterations * N_STEPS, last = p->w->n_iterations - 1;
	double active[EMU_LAYERS * EMU_STEPS], felt[N_SLOTS], up, down;
	double reach_s = p->kernel.box_s + 8 * p->kernel.tau_s, end_s = piece(p->w, last, N_STEPS - 1)->end_s;
	struct jm_kernel k_up = p->kernel, k_down = p->kernel;
	struct jm_forward f[4];

	k_up.tau_s *= TAU_FACTOR;
	k_down.tau_s /= TAU_FACTOR;
	if (jm_forward_init(&f[0], p->segments, n_segments, N_STEPS, NULL) < 0 ||
	    jm_forward_init_slots(&f[1], p->segments, n_segments, p->step_w, p->slots, N_SLOTS) < 0 ||
	    jm_forward_init(&f[2], p->segments, n_segments, N_STEPS, p->step_w) < 0 ||
	    jm_forward_init(&f[3], p->segments, n_segments, N_STEPS, p->step_w) < 0)
		abort();
	for (i = 0; i < p->w->n_samples; i++) {
		double t_s = 1e-9 * (double)p->w->samples[i].t_ns - 1e-3 * p->s->lag_ms;
		double y = 1e-6 * (double)p->w->samples[i].value, white = p->s->noise_w * p->s->noise_w, jitter;
		struct jm_model_reading at = {t_s, 0, 0};

		if (t_s - reach_s < piece(p->w, 0, 0)->start_s || t_s > end_s)
			continue;
		jm_forward_row(&f[0], &p->kernel, &at, active);
		jm_forward_row(&f[1], &p->kernel, &at, felt);
		jm_forward_row(&f[2], &k_up, &at, &up);
		jm_forward_row(&f[3], &k_down, &at, &down);
		while (newest < last && piece(p->w, newest + 1, 0)->start_s <= t_s)
			newest++;
		fill_row(p, t_s, active, felt, p->kernel.tau_s > 0 ? (up - down) / (k_up.tau_s - k_down.tau_s) : 0,
			 newest);
		jitter = jitter_variance(p, t_s);
		add_row(p, 1 / (white + p->s->step_w * p->s->step_w / 12 + jitter),
			y - reading(p, t_s, p->kernel.box_s));
		p->jitter_w2 += jitter;
		p->n_readings++;
	}
	for (i = 0; i < 4; i++)
		jm_forward_finish(&f[i]);
}

/* Prior of one unknown: sd, and how far its mean is from the truth. */
static void add_prior(struct problem *p, size_t i, double sd, double off, bool is_sensor)
{
	double precision = is_sensor && p->is_known ? KNOWN : sd > 0 ? 1 / (sd * sd) : KNOWN;

	p->m[i * (p->n + 1)] += precision;
	p->rhs[i] += is_sensor && p->is_known ? 0 : precision * off;
}

static void add_priors(struct problem *p)
{
	const struct emu_world *w = p->w;
	const struct jm_response *r = &w->response;
	size_t l, i;

	for (l = 0; l < EMU_LAYERS; l++) {
		const double *step = p->step_w + l * EMU_STEPS;
		double sd = p->is_fused ? ALONE_SD * w->power_w[l] : (650 - 180) / sqrt(12);

		add_prior(p, l, sd, (p->is_fused ? w->isolated_w[l] : (650 + 180) / 2.0) - w->power_w[l], false);
		add_prior(p, FIRST_RAMP + l, RAMP_SD, -(step[2] - step[0]) / (2 * w->power_w[l]), true);
	}
	for (i = 0; i < EMU_CLASSES; i++)
		add_prior(p, FIRST_CLASS + i, KAPPA_SD, 0, false);
	add_prior(p, IDLE, 0.3 * EMU_IDLE_W, 0, true);
	add_prior(p, LAG, r->lag_sd_s, -(r->lag_s - 1e-3 * p->s->lag_ms), true);
	add_prior(p, BOX, r->box_sd_s, r->box_s - p->kernel.box_s, true);
	add_prior(p, TAU, r->tau_sd_s, r->tau_s - p->kernel.tau_s, true);
	for (i = 0; i < w->n_iterations; i++)
		add_prior(p, FIRST_WOBBLE + i, WOBBLE_SD, 1 - piece(w, i, 0)->power_w / p->step_w[0], false);
}

struct sums {
	double expected, found;
};

static void solve(struct problem *p, struct sums *out)
{
	double expected = 0, found = 0, all = 0, *e = p->row;
	size_t l, i, j;

	if (jm_cholesky(p->m, p->n) < 0)
		abort();
	jm_cholesky_solve(p->m, p->n, p->rhs);
	for (l = 0; l < EMU_LAYERS; l++) {
		size_t at[2] = {l, FIRST_CLASS + p->w->layer_class[l]};
		double factor[2] = {1, p->is_fused ? p->w->power_w[l] : 0}, variance = 0, off = 0;

		memset(e, 0, p->n * sizeof(double));
		for (i = 0; i < 2; i++)
			e[at[i]] = factor[i];
		jm_cholesky_solve(p->m, p->n, e);
		for (j = 0; j < 2; j++) {
			variance += factor[j] * e[at[j]];
			off += factor[j] * p->rhs[at[j]];
		}
		expected += sqrt(2 * variance / 3.141592653589793) * p->w->duration_s[l];
		found += fabs(off) * p->w->duration_s[l];
		all += p->w->power_w[l] * p->w->duration_s[l];
	}
	out->expected += 100 * expected / all;
	out->found += 100 * found / all;
}

static void print_sensor(const struct emu_sensor *s, uint64_t n_seeds, const char *separator)
{
	struct emu_options o = {0};
	struct sums sums[4] = {{0}};
	double jitter_w2 = 0, n_readings = 0, n = (double)n_seeds;
	uint64_t seed;
	int k;

	for (seed = 0; seed < n_seeds; seed++) {
		struct emu_world *w = emu_create(s, &o, seed);

		for (k = 0; k < 4; k++) {
			struct problem p = {.w = w, .s = s, .is_fused = k >= 2, .is_known = k % 2 == 0};

			p.kernel = (struct jm_kernel){0, 1e-3 * s->box_ms, 1e-3 * s->tau_ms};
			open_problem(&p);
			add_readings(&p);
			add_priors(&p);
			solve(&p, &sums[k]);
			jitter_w2 += p.jitter_w2 / 4;
			n_readings += (double)p.n_readings / 4;
			close_problem(&p);
		}
		emu_destroy(w);
	}
	for (k = 0; k < 4; k++)
		printf("%s\n{\"sensor\":\"%s\",\"method\":\"%s\",\"sensor_is\":\"%s\",\"least_error_percent\":%.2f,"
		       "\"reached_percent\":%.2f,\"readings\":%.0f,\"jitter_w\":%.2f}",
		       k == 0 ? separator : ",", s->name, k >= 2 ? "fused" : "regress", k % 2 == 0 ? "known" : "told",
		       sums[k].expected / n, sums[k].found / n, n_readings / n, sqrt(jitter_w2 / n_readings));
	fflush(stdout);
}

int main(int argc, char **argv)
{
	uint64_t n_seeds = argc > 1 ? strtoull(argv[1], NULL, 10) : 8;
	const char *separator = "";
	size_t i;

	printf("[");
	for (i = 0; i < EMU_SENSORS; i++) {
		struct emu_sensor s = emu_sensors[i];

		/* A counter's edges couple all readings: that takes another sum. */
		if (s.is_counter || (argc > 2 && strcmp(argv[2], s.name) != 0))
			continue;
		if (argc > 3)
			s.duration_s = strtod(argv[3], NULL);
		print_sensor(&s, n_seeds, separator);
		separator = ",";
	}
	printf("\n]\n");
	return 0;
}
