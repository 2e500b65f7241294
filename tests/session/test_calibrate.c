/* A whole calibration in virtual time: the real recorder and the real hwmon driver read a folder in which a sensor with a
 * known response shows the load that is played. */
#define _GNU_SOURCE
#include "session/calibrate.h"

#include "core/error.h"
#include "session/recorder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <pthread.h>
#include <time.h>

#include "support/tree.h"

#define MS        INT64_C(1000000)
#define N_THREADS 3 /* that wait on the clock: the player, the sampler of the chip, the recorder's pump */
#define IDLE_W    60.0
#define SWING_W   240.0

enum shape { BOX, RC };

struct world {
	pthread_mutex_t lock;
	pthread_cond_t moved;
	int64_t now_ns;
	int64_t targets[N_THREADS];
	bool is_waiting[N_THREADS];
	struct jm_env env;
	struct tree tree;
	int fd;
	/* The load, as switched. */
	int64_t *edges_ns;
	double *levels, *energy_j, *lowpass; /* at each edge; lowpass: the load through the low-pass */
	size_t n_edges;
	/* The sensor. */
	enum shape shape;
	double width_s, noise_w;
	int64_t lag_ns, period_ns, next_ns;
	bool is_counter, is_part_time;
	double counter_j;
	uint64_t random;
	unsigned n_updates;
};

static double gauss(struct world *w)
{
	double sum = 0;
	int i;

	for (i = 0; i < 12; i++) {
		w->random = w->random * UINT64_C(6364136223846793005) + 1442695040888963407u;
		sum += (double)(w->random >> 11) * 0x1p-53;
	}
	return sum - 6;
}

static size_t edge_before(const struct world *w, int64_t t_ns)
{
	size_t i = w->n_edges - 1;

	while (i > 0 && w->edges_ns[i] > t_ns)
		i--;
	return i;
}

static double energy_at(const struct world *w, int64_t t_ns)
{
	size_t i = edge_before(w, t_ns);

	return w->energy_j[i] + (IDLE_W + SWING_W * w->levels[i]) * (double)(t_ns - w->edges_ns[i]) * 1e-9;
}

/* What the sensor's response makes of the load at t. */
static double response_at(const struct world *w, int64_t t_ns)
{
	size_t i;

	t_ns -= w->lag_ns;
	if (w->shape == BOX)
		return (energy_at(w, t_ns) - energy_at(w, t_ns - (int64_t)(w->width_s * 1e9))) / w->width_s;
	i = edge_before(w, t_ns);
	return IDLE_W + SWING_W * (w->levels[i] + (w->lowpass[i] - w->levels[i]) *
						      exp(-(double)(t_ns - w->edges_ns[i]) * 1e-9 / w->width_s));
}

static void update(struct world *w, int64_t t_ns)
{
	double value_w = response_at(w, t_ns) + w->noise_w * gauss(w);
	char text[32];

	w->n_updates++;
	if (w->is_counter) {
		w->counter_j =
		    w->is_part_time ? w->counter_j + value_w * (double)w->period_ns * 1e-9 : energy_at(w, t_ns);
		snprintf(text, sizeof(text), "%020lld\n", (long long)(w->counter_j * 1e6));
	} else {
		/* In steps of 10 mW. */
		snprintf(text, sizeof(text), "%020lld\n", (long long)(value_w * 100) * 10000);
	}
	tree_require(pwrite(w->fd, text, strlen(text), 0) == (ssize_t)strlen(text), "pwrite", text);
}

/* Moves the clock to the earliest target once all wait. lock is held. */
static void move(struct world *w)
{
	int64_t to_ns = INT64_MAX;
	int i;

	for (i = 0; i < N_THREADS; i++) {
		if (!w->is_waiting[i])
			return;
		to_ns = w->targets[i] < to_ns ? w->targets[i] : to_ns;
	}
	if (to_ns <= w->now_ns)
		return;
	for (; w->next_ns <= to_ns; w->next_ns += w->period_ns)
		update(w, w->next_ns);
	w->now_ns = to_ns;
	pthread_cond_broadcast(&w->moved);
}

static int wait_until(void *ctx, int64_t t_ns, sem_t *cancel)
{
	struct world *w = ctx;
	int i, rc = 0;

	pthread_mutex_lock(&w->lock);
	for (i = 0; i < N_THREADS - 1 && w->is_waiting[i]; i++)
		;
	assert_false(w->is_waiting[i]);
	w->is_waiting[i] = true;
	w->targets[i] = t_ns;
	while (w->now_ns < t_ns && rc == 0) {
		struct timespec soon;

		if (cancel && sem_trywait(cancel) == 0) {
			rc = JM_E_CANCELLED;
			break;
		}
		move(w);
		if (w->now_ns >= t_ns)
			break;
		clock_gettime(CLOCK_REALTIME, &soon);
		soon.tv_nsec += 2000000;
		soon.tv_sec += soon.tv_nsec / 1000000000;
		soon.tv_nsec %= 1000000000;
		pthread_cond_timedwait(&w->moved, &w->lock, &soon);
	}
	w->is_waiting[i] = false;
	pthread_mutex_unlock(&w->lock);
	return rc;
}

static int sleep_until(void *ctx, int64_t t_ns)
{
	return wait_until(ctx, t_ns, NULL);
}

static int64_t now(void *ctx)
{
	struct world *w = ctx;
	int64_t t_ns;

	pthread_mutex_lock(&w->lock);
	t_ns = w->now_ns;
	pthread_mutex_unlock(&w->lock);
	return t_ns;
}

/* The load of the test: exact. */
static int begin(struct jm_player *p, const struct jm_load_piece *pieces, size_t n, struct jm_error *err)
{
	struct world *w = p->state;

	(void)pieces;
	(void)err;
	pthread_mutex_lock(&w->lock);
	w->edges_ns = realloc(w->edges_ns, (w->n_edges + n + 1) * sizeof(*w->edges_ns));
	w->levels = realloc(w->levels, (w->n_edges + n + 1) * sizeof(*w->levels));
	w->energy_j = realloc(w->energy_j, (w->n_edges + n + 1) * sizeof(*w->energy_j));
	w->lowpass = realloc(w->lowpass, (w->n_edges + n + 1) * sizeof(*w->lowpass));
	pthread_mutex_unlock(&w->lock);
	return 0;
}

static int set(struct jm_player *p, const struct jm_load_piece *pieces, size_t i, struct jm_error *err)
{
	struct world *w = p->state;
	size_t k = w->n_edges;
	double passed_s;

	(void)err;
	sleep_until(w, pieces[i].start_ns);
	pthread_mutex_lock(&w->lock);
	passed_s = (double)(w->now_ns - w->edges_ns[k - 1]) * 1e-9;
	w->lowpass[k] = w->levels[k - 1] + (w->lowpass[k - 1] - w->levels[k - 1]) * exp(-passed_s / w->width_s);
	w->energy_j[k] = energy_at(w, w->now_ns);
	w->edges_ns[k] = w->now_ns;
	w->levels[k] = pieces[i].level;
	w->n_edges++;
	pthread_mutex_unlock(&w->lock);
	return 0;
}

static int end(struct jm_player *p, struct jm_load_piece *pieces, size_t n, struct jm_error *err)
{
	(void)p;
	(void)pieces;
	(void)n;
	(void)err;
	return 0;
}

static void nothing(struct jm_player *p)
{
	(void)p;
}

static const struct jm_player_ops ops = {.begin = begin, .set = set, .end = end, .destroy = nothing};

static int set_up(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	char data[300];

	assert_non_null(w);
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->moved, NULL);
	tree_create(&w->tree);
	snprintf(data, sizeof(data), "%s/data", w->tree.root);
	setenv("XDG_DATA_HOME", data, 1);
	jm_env_init(&w->env);
	snprintf(w->env.root, sizeof(w->env.root), "%s", w->tree.root);
	w->env.is_live = false;
	w->env.now_ns = now;
	w->env.sleep_until_ns = sleep_until;
	w->env.wait_until_ns = wait_until;
	w->env.ctx = w;
	w->now_ns = 1000 * 1000 * MS;
	w->random = 7;
	w->edges_ns = calloc(1, sizeof(*w->edges_ns));
	w->levels = calloc(1, sizeof(*w->levels));
	w->energy_j = calloc(1, sizeof(*w->energy_j));
	w->lowpass = calloc(1, sizeof(*w->lowpass));
	w->n_edges = 1;
	w->noise_w = 0.5;
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;

	tree_remove(&w->tree);
	close(w->fd);
	free(w->edges_ns);
	free(w->levels);
	free(w->energy_j);
	free(w->lowpass);
	free(w);
	return 0;
}

/* Makes the chip in the folder. */
static void put_chip(struct world *w, const char *attribute, int64_t period_ns)
{
	char path[128], full[400];

	w->period_ns = period_ns;
	w->next_ns = w->now_ns + period_ns / 3;
	tree_write(&w->tree, "/sys/class/hwmon/hwmon0/name", "meter\n");
	tree_printf(&w->tree, "/sys/class/hwmon/hwmon0/update_interval", "%lld\n", (long long)(period_ns / MS));
	snprintf(path, sizeof(path), "/sys/class/hwmon/hwmon0/%s", attribute);
	tree_write(&w->tree, path, "00000000000060000000\n");
	tree_path(&w->tree, path, full, sizeof(full));
	w->fd = open(full, O_WRONLY | O_CLOEXEC);
	assert_true(w->fd >= 0);
}

static struct jm_calibrations *calibrate(struct world *w, int64_t seconds)
{
	struct jm_calibrate_options options = {.size = sizeof(options),
					       .sensors = "hwmon",
					       .duration_ns = seconds * 1000 * MS,
					       .steady_ns = 5000 * MS,
					       .seed = 3};
	struct jm_player player = {.ops = &ops, .env = &w->env, .n_levels = 4, .text = "the test's", .state = w};
	struct jm_calibrations *list = NULL;
	struct jm_error err = {0};

	if (jm_calibrate_env(&w->env, &options, &player, NULL, NULL, &list, &err))
		fail_msg("%s", err.message);
	assert_int_equal(jm_calibrations_n(list), 1);
	return list;
}

static void print_info(const struct jm_calibration_info *c)
{
	print_message("%s: T %.4f ms jitter %.4f, lag %.3f +- %.3f box %.3f tau %.3f ms, noise %.3f step %.3f swing "
		      "%.2f, hold-out %.3f %.3f %.3f "
		      "%.3f, %s\n",
		      c->text, c->period_s * 1e3, c->jitter_s * 1e3, c->lag_s * 1e3, c->lag_sd_s * 1e3,
		      c->window_s * 1e3, c->lowpass_s * 1e3, c->noise_w, c->step_w, c->swing_w, c->hold_out_w[0],
		      c->hold_out_w[1], c->hold_out_w[2], c->hold_out_w[3], c->reason);
}

static void a_low_pass_is_found(void **state)
{
	struct world *w = *state;
	struct jm_calibrations *list;
	struct jm_calibration_info c;

	w->shape = RC;
	w->width_s = 0.012;
	w->lag_ns = 3 * MS;
	put_chip(w, "power1_input", 20 * MS);
	list = calibrate(w, 25);
	assert_int_equal(jm_calibrations_get(list, 0, &c), 0);
	print_info(&c);
	assert_string_equal(c.family, "RC");
	assert_float_equal(c.lowpass_s, 0.012, 0.0006);
	assert_float_equal(c.lag_s, 0.003, 0.0005);
	assert_float_equal(c.period_s, 0.020, 0.00002);
	assert_float_equal(c.noise_w, 0.5, 0.15);
	assert_float_equal(c.step_w, 0.01, 1e-9);
	assert_float_equal(c.swing_w, SWING_W, 0.01 * SWING_W);
	assert_true(c.is_accepted && c.hold_out_fraction < 0.01);
	assert_true(c.hold_out_w[0] > 2 * c.hold_out_w[1] && c.hold_out_w[3] > 2 * c.hold_out_w[1]);
	jm_calibrations_destroy(list);
}

/* Records for a moment and gives the responses that the recording carries. */
static struct jm_response *carried(struct world *w)
{
	struct jm_record_options options = {.size = sizeof(options), .sensors = "hwmon", .overwrite = true};
	struct jm_recording *recording;
	struct jm_response *responses;
	struct jm_recorder *r;
	char path[300];

	tree_path(&w->tree, "/a.jmap", path, sizeof(path));
	options.path = path;
	assert_int_equal(jm_recorder_start_env(&w->env, &options, &r, NULL), 0);
	sleep_until(w, now(w) + 500 * MS);
	assert_int_equal(jm_recorder_stop(r, NULL), 0);
	jm_recorder_destroy(r);
	assert_int_equal(jm_recording_open(path, &recording, NULL), 0);
	assert_non_null(jm_recording_meta(recording, "response:hwmon/meter/power1"));
	/* Without the store: the laptop that explains it has none. */
	setenv("XDG_DATA_HOME", "/nowhere", 1);
	assert_int_equal(jm_calibration_responses(recording, &responses, NULL, NULL), 0);
	jm_recording_close(recording);
	return responses;
}

static void a_box_is_found_and_kept(void **state)
{
	struct world *w = *state;
	struct jm_channel channel;
	struct jm_calibrations *list;
	struct jm_calibration stored;
	struct jm_response *responses;
	struct jm_calibration_info c;

	w->shape = BOX;
	w->width_s = 0.025;
	w->lag_ns = 10 * MS;
	put_chip(w, "power1_input", 100 * MS);
	list = calibrate(w, 60);
	assert_int_equal(jm_calibrations_get(list, 0, &c), 0);
	print_info(&c);
	assert_string_equal(c.family, "boxcar");
	assert_float_equal(c.window_s, 0.025, 0.001);
	assert_float_equal(c.lag_s, 0.010, 0.0006);
	assert_true(fabs(c.lag_s - 0.010) < 3 * c.lag_sd_s && c.lag_sd_s < 0.001);
	assert_float_equal(c.period_s, 0.100, 0.0001);
	assert_true(c.is_accepted);
	jm_channel_init(&channel, c.channel);
	snprintf(channel.label, sizeof(channel.label), "%s", c.device);
	assert_int_equal(jm_calibration_load(&w->env, "hwmon", &channel, &stored, NULL), 0);
	assert_float_equal(stored.response.box_s, c.window_s, 0);
	responses = carried(w);
	assert_non_null(responses);
	assert_int_equal(responses[0].family, JM_RESPONSE_BOX);
	assert_float_equal(responses[0].box_s, c.window_s, 0);
	free(responses);
	jm_calibrations_destroy(list);
}

static void a_counter_that_sees_all_the_time_is_told_from_one_that_does_not(void **state)
{
	struct world *w = *state;
	struct jm_calibrations *list;
	struct jm_calibration_info c;

	w->shape = BOX;
	w->width_s = 0.025;
	w->is_counter = true;
	w->noise_w = 0;
	put_chip(w, "energy1_input", 100 * MS);
	list = calibrate(w, 40);
	assert_int_equal(jm_calibrations_get(list, 0, &c), 0);
	print_info(&c);
	assert_int_equal(c.full_time, 1);
	assert_true(c.is_accepted);
	jm_calibrations_destroy(list);
	w->is_part_time = true;
	list = calibrate(w, 40);
	assert_int_equal(jm_calibrations_get(list, 0, &c), 0);
	print_info(&c);
	assert_int_equal(c.full_time, -1);
	assert_float_equal(c.window_s, 0.025, 0.002);
	jm_calibrations_destroy(list);
}

static void a_sensor_that_does_not_see_the_load_is_refused(void **state)
{
	struct world *w = *state;
	struct jm_calibrations *list;
	struct jm_calibration_info c;

	w->shape = RC;
	/* So slow that nothing moves. */
	w->width_s = 1e9;
	put_chip(w, "power1_input", 20 * MS);
	list = calibrate(w, 8);
	assert_int_equal(jm_calibrations_get(list, 0, &c), 0);
	assert_string_equal(c.family, "unknown");
	assert_false(c.is_accepted);
	assert_non_null(strstr(c.reason, "the load moved it by"));
	jm_calibrations_destroy(list);
}

static int stop_at_once(void *ctx, const char *what, uint64_t done, uint64_t total)
{
	(void)ctx;
	(void)what;
	return done * 4 > total;
}

static void a_stop_leaves_nothing_behind(void **state)
{
	struct world *w = *state;
	struct jm_calibrate_options options = {
	    .size = sizeof(options), .sensors = "hwmon", .duration_ns = 8000 * MS, .steady_ns = 1};
	struct jm_player player = {.ops = &ops, .env = &w->env, .n_levels = 1, .state = w};
	struct jm_calibrations *list = NULL;
	struct jm_error err = {0};
	char path[JM_PATH_MAX];

	w->width_s = 0.01;
	put_chip(w, "power1_input", 20 * MS);
	assert_int_equal(jm_calibrate_env(&w->env, &options, &player, stop_at_once, NULL, &list, &err), JM_E_CANCELLED);
	assert_null(list);
	assert_int_equal(jm_calibration_path(&w->env, "hwmon/meter/power1", false, path, sizeof(path), NULL), 0);
	assert_int_equal(access(path, F_OK), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(a_low_pass_is_found, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(a_box_is_found_and_kept, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(a_counter_that_sees_all_the_time_is_told_from_one_that_does_not, set_up,
					    tear_down),
	    cmocka_unit_test_setup_teardown(a_sensor_that_does_not_see_the_load_is_refused, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(a_stop_leaves_nothing_behind, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
