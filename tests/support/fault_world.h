/* A machine whose sensors and processes misbehave by a seed, in virtual time: what is shown to the program is kept, so that a
 * recording can be held against it (fault_verdict.h). Behind the real drivers: a powercap zone and a part of it, and a power meter of
 * hwmon; a /proc of files. Faults: reads that fail, are empty, are no number, lie, stall; counters that stand still, wrap, begin anew;
 * devices that vanish; a wall clock that steps; a machine that is suspended; a disk that fills; SIGKILL at any moment, in the midst of a
 * write too; processes that come, go, and whose numbers are used again. */
#ifndef SUPPORT_FAULT_WORLD_H
#define SUPPORT_FAULT_WORLD_H

#include "support/tree.h"
#include "support/virtual_time.h"

#include "core/random.h"
#include "core/units.h"
#include "session/recorder.h"

#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>

#define FAULT_ORIGIN_NS   (INT64_C(1000) * JM_NS_PER_S)
#define FAULT_PIECE_NS    (50 * JM_NS_PER_MS) /* power is constant for so long */
#define FAULT_PIECES      400
#define FAULT_POWER_MAX_W 200.0
#define FAULT_SHOWN_MAX   8192
#define FAULT_PIDS        4

/* X(name, text) */
#define FAULT_LIST(X)                                                                                                  \
	X(IO, "a read fails")                                                                                          \
	X(EMPTY, "a read gives nothing")                                                                               \
	X(GARBAGE, "a read gives no number")                                                                           \
	X(HUGE, "a read gives 2^63 - 1")                                                                               \
	X(NEGATIVE, "a read gives a negative number")                                                                  \
	X(RESET, "the counter begins anew")                                                                            \
	X(STUCK, "the value stands still")                                                                             \
	X(STALL, "a read takes long")                                                                                  \
	X(GONE, "the device vanishes")
#define FAULT_ENUM(name, text) FAULT_##name,
enum fault_kind { FAULT_LIST(FAULT_ENUM) FAULT_KINDS };
#undef FAULT_ENUM

enum fault_file { FAULT_PACKAGE, FAULT_CORE, FAULT_METER, FAULT_FILES };
static const char *const fault_paths[FAULT_FILES] = {"/sys/class/powercap/intel-rapl:0/energy_uj",
						     "/sys/class/powercap/intel-rapl:0:0/energy_uj",
						     "/sys/class/hwmon/hwmon0/power1_input"};
static const char *const fault_channels[FAULT_FILES] = {"rapl_powercap/package-0", "rapl_powercap/package-0/core",
							"hwmon/meter/power1"};

struct fault {
	enum fault_kind kind;
	enum fault_file file;
	int64_t from_ns, to_ns;
	bool is_done; /* of a stall */
};

#define FAULT_MAX 12

/* All that a seed decides. Times are of the monotonic clock. */
struct fault_plan {
	uint64_t seed;
	struct fault faults[FAULT_MAX];
	size_t n_faults;
	int64_t period_ns, duration_ns, range_uj;
	int64_t kill_ns;                   /* SIGKILL then; 0: none */
	uint64_t file_limit;               /* bytes that a file may have; 0: any number */
	bool is_limit_deadly;              /* the write beyond it kills */
	int64_t step_ns[2], step_by_ns[2]; /* of the wall clock; by 0: none */
	int64_t suspend_ns, suspend_by_ns; /* nothing runs for so long; by 0: none */
	bool was_suspended;
	double power_w[FAULT_PIECES], energy_j[FAULT_PIECES + 1];
	uint8_t busy[FAULT_PIECES][FAULT_PIDS]; /* ticks of each process in a piece */
	int death_piece[FAULT_PIDS], birth_piece[FAULT_PIDS];
};

struct fault_shown {
	int64_t t_ns, value;
};

/* What the process under test leaves behind, however it ends. */
struct fault_shared {
	_Atomic int has_started, start_code, stop_code;
	char said[384]; /* with the code */
	size_t n_shown[FAULT_FILES];
	struct fault_shown shown[FAULT_FILES][FAULT_SHOWN_MAX];
};

struct fault_world {
	struct virtual_time time; /* first: the environment's ctx */
	struct jm_env env;
	struct fault_plan plan;
	struct fault_shared *shared;
	struct tree tree;
	char recording[300];
	struct {
		dev_t device;
		ino_t inode;
	} files[FAULT_FILES];
	uint64_t random;
	int piece; /* of /proc */
	unsigned long ticks[FAULT_PIDS], idle_ticks;
};

/* ---- The plan ----------------------------------------------------------------------------------------------------- */

static inline uint64_t fault_random(uint64_t *state, uint64_t n)
{
	return jm_random_below(state, (size_t)n);
}

static inline int64_t fault_time(uint64_t *state, const struct fault_plan *p)
{
	return FAULT_ORIGIN_NS + (int64_t)fault_random(state, (uint64_t)p->duration_ns);
}

static inline void fault_plan_faults(struct fault_plan *p, uint64_t *state)
{
	size_t i;

	p->n_faults = fault_random(state, FAULT_MAX + 1);
	for (i = 0; i < p->n_faults; i++) {
		struct fault *f = &p->faults[i];

		f->kind = (enum fault_kind)fault_random(state, FAULT_KINDS);
		/* One in eight only: what is gone shows no other fault. */
		if (f->kind == FAULT_GONE && fault_random(state, 4))
			f->kind = FAULT_IO;
		f->file = (enum fault_file)fault_random(state, FAULT_FILES);
		f->from_ns = fault_time(state, p);
		f->to_ns = f->from_ns + (int64_t)fault_random(state, (uint64_t)(700 * JM_NS_PER_MS));
	}
}

static inline void fault_plan_world(struct fault_plan *p, uint64_t *state)
{
	int i, k;

	for (i = 0; i < FAULT_PIECES; i++) {
		p->power_w[i] = 5 + (FAULT_POWER_MAX_W - 5) * 1e-3 * (double)fault_random(state, 1001);
		p->energy_j[i + 1] = p->energy_j[i] + p->power_w[i] * jm_s_from_ns(FAULT_PIECE_NS);
		for (k = 0; k < FAULT_PIDS; k++)
			p->busy[i][k] = (uint8_t)fault_random(state, 3);
	}
	for (k = 0; k < FAULT_PIDS; k++) {
		p->death_piece[k] = fault_random(state, 2) ? (int)fault_random(state, 80) : FAULT_PIECES;
		p->birth_piece[k] = p->death_piece[k] + 1 + (int)fault_random(state, 10);
	}
}

static inline void fault_plan_make(struct fault_plan *p, uint64_t seed)
{
	static const int periods_ms[] = {2, 5, 10, 20, 50};
	uint64_t state = seed;
	int i;

	memset(p, 0, sizeof(*p));
	state = jm_random_next(&state); /* neighbouring seeds have nothing in common */
	p->seed = seed;
	p->period_ns = periods_ms[fault_random(&state, 5)] * JM_NS_PER_MS;
	p->duration_ns = (int64_t)(1000 + fault_random(&state, 2500)) * JM_NS_PER_MS;
	p->range_uj = (int64_t)(150 + fault_random(&state, 3) * 500) * 1000000;
	fault_plan_world(p, &state);
	fault_plan_faults(p, &state);
	for (i = 0; i < 2; i++) {
		p->step_ns[i] = fault_time(&state, p);
		p->step_by_ns[i] =
		    ((int64_t)fault_random(&state, 7201) - 3600) * JM_NS_PER_S * (int64_t)fault_random(&state, 2);
	}
	p->suspend_ns = fault_time(&state, p);
	p->suspend_by_ns = fault_random(&state, 4) ? 0 : (int64_t)fault_random(&state, 1500) * JM_NS_PER_MS;
	p->was_suspended = p->suspend_by_ns > 0;
	if (fault_random(&state, 3) == 0)
		p->kill_ns = fault_time(&state, p);
	else if (fault_random(&state, 3) == 0)
		p->file_limit = 4096 + fault_random(&state, 250000);
	p->is_limit_deadly = fault_random(&state, 2);
}

/* ---- What is true ------------------------------------------------------------------------------------------------- */

static inline double fault_true_w(const struct fault_plan *p, int64_t t_ns)
{
	return p->power_w[(t_ns - FAULT_ORIGIN_NS) / FAULT_PIECE_NS % FAULT_PIECES];
}

/* Energy of the package since the origin. */
static inline double fault_true_j(const struct fault_plan *p, int64_t t_ns)
{
	int64_t piece = (t_ns - FAULT_ORIGIN_NS) / FAULT_PIECE_NS,
		in_piece_ns = (t_ns - FAULT_ORIGIN_NS) % FAULT_PIECE_NS;

	return p->energy_j[FAULT_PIECES] * (double)(piece / FAULT_PIECES) + p->energy_j[piece % FAULT_PIECES] +
	       p->power_w[piece % FAULT_PIECES] * jm_s_from_ns(in_piece_ns);
}

#define FAULT_CORE_PART 0.6

static inline int64_t fault_true_value(const struct fault_plan *p, enum fault_file file, int64_t t_ns, int64_t since_ns)
{
	double joules = fault_true_j(p, t_ns) - fault_true_j(p, since_ns);

	if (file == FAULT_METER)
		return (int64_t)(1e6 * fault_true_w(p, t_ns));
	return (int64_t)(1e6 * (file == FAULT_CORE ? FAULT_CORE_PART : 1) * joules) % p->range_uj;
}

/* ---- What is shown ------------------------------------------------------------------------------------------------ */

static inline struct fault *fault_active(struct fault_world *w, enum fault_file file, enum fault_kind kind,
					 int64_t now_ns)
{
	size_t i;

	for (i = 0; i < w->plan.n_faults; i++) {
		struct fault *f = &w->plan.faults[i];
		bool is_lasting = kind == FAULT_GONE || kind == FAULT_RESET;

		if (f->kind == kind && f->file == file && now_ns >= f->from_ns && (is_lasting || now_ns < f->to_ns) &&
		    !f->is_done)
			return f;
	}
	return NULL;
}

static inline void fault_stall(struct fault_world *w, enum fault_file file)
{
	struct fault *f = fault_active(w, file, FAULT_STALL, virtual_now(w));

	if (!f)
		return;
	f->is_done = true;
	virtual_sleep_until(w, virtual_now(w) + (f->to_ns - f->from_ns));
}

static inline ssize_t fault_show(struct fault_world *w, enum fault_file file, int64_t value, char *out, size_t size)
{
	size_t n = w->shared->n_shown[file];

	if (n < FAULT_SHOWN_MAX)
		w->shared->shown[file][n] = (struct fault_shown){virtual_now(w), value};
	w->shared->n_shown[file] = n + 1;
	return snprintf(out, size, "%lld\n", (long long)value);
}

static inline ssize_t fault_garbage(struct fault_world *w, char *out, size_t size)
{
	size_t n = 1 + fault_random(&w->random, size), i;

	for (i = 0; i < n; i++)
		out[i] = (char)fault_random(&w->random, 256);
	out[0] = 'x';
	return (ssize_t)n;
}

static inline ssize_t fault_read(struct fault_world *w, enum fault_file file, char *out, size_t size)
{
	const struct fault *reset, *stuck;
	int64_t now_ns;

	fault_stall(w, file);
	now_ns = virtual_now(w);
	if (fault_active(w, file, FAULT_GONE, now_ns) || fault_active(w, file, FAULT_IO, now_ns)) {
		errno = fault_active(w, file, FAULT_GONE, now_ns) ? ENODEV : EIO;
		return -1;
	}
	if (fault_active(w, file, FAULT_EMPTY, now_ns))
		return 0;
	if (fault_active(w, file, FAULT_GARBAGE, now_ns))
		return fault_garbage(w, out, size);
	if (fault_active(w, file, FAULT_HUGE, now_ns))
		return snprintf(out, size, "%lld\n", (long long)INT64_MAX);
	if (fault_active(w, file, FAULT_NEGATIVE, now_ns)) /* a meter may well show that */
		return file == FAULT_METER ? fault_show(w, file, -5000000, out, size) : snprintf(out, size, "-5\n");
	reset = fault_active(w, file, FAULT_RESET, now_ns);
	stuck = fault_active(w, file, FAULT_STUCK, now_ns);
	if (stuck)
		now_ns = stuck->from_ns;
	if (reset && reset->from_ns > now_ns)
		reset = NULL;
	return fault_show(w, file, fault_true_value(&w->plan, file, now_ns, reset ? reset->from_ns : FAULT_ORIGIN_NS),
			  out, size);
}

static inline ssize_t fault_read_file(void *ctx, int fd, void *out, size_t size)
{
	struct fault_world *w = ctx;
	struct stat st;
	int i;

	if (fstat(fd, &st))
		return -1;
	for (i = 0; i < FAULT_FILES; i++)
		if (w->files[i].device == st.st_dev && w->files[i].inode == st.st_ino)
			return fault_read(w, (enum fault_file)i, out, size);
	return pread(fd, out, size, 0);
}

/* ---- /proc -------------------------------------------------------------------------------------------------------- */

static inline void fault_put_process(struct fault_world *w, int k, int piece)
{
	bool is_reborn = piece >= w->plan.birth_piece[k], is_there = piece < w->plan.death_piece[k] || is_reborn;
	char path[64], full[400];

	snprintf(path, sizeof(path), "/proc/%d/stat", 100 + k);
	if (piece == w->plan.death_piece[k]) {
		w->ticks[k] = 0;
		tree_path(&w->tree, path, full, sizeof(full));
		unlink(full);
		*strrchr(full, '/') = '\0';
		rmdir(full);
	}
	if (is_there)
		tree_printf(&w->tree, path, "%d (p%d) S 1 1 1 0 -1 0 0 0 0 0 %lu 0 0 0 20 0 1 0 %d 4096 100 0\n",
			    100 + k, k, w->ticks[k], is_reborn ? 5000 + k : 100 + k);
}

/* Two processors, ticks of 10 ms: ten in a piece. */
static inline void fault_put_proc(struct fault_world *w, int piece)
{
	int k;

	for (; w->piece < piece; w->piece++) {
		unsigned busy = 0;

		for (k = 0; k < FAULT_PIDS; k++) {
			w->ticks[k] += w->plan.busy[w->piece % FAULT_PIECES][k];
			busy += w->plan.busy[w->piece % FAULT_PIECES][k];
		}
		w->idle_ticks += 10 - busy;
		for (k = 0; k < FAULT_PIDS; k++)
			fault_put_process(w, k, w->piece);
	}
	tree_printf(&w->tree, "/proc/stat", "cpu  0 0 0 %lu 0 0 0 0 0 0\ncpu0 0 0 0 1 0\ncpu1 0 0 0 1 0\n",
		    w->idle_ticks);
}

/* ---- Begin and end ------------------------------------------------------------------------------------------------ */

static inline void fault_world_create(struct fault_world *w, uint64_t seed)
{
	char full[400];
	struct stat st;
	int i;

	memset(w, 0, sizeof(*w));
	fault_plan_make(&w->plan, seed);
	w->random = seed + 1;
	w->shared = mmap(NULL, sizeof(*w->shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	tree_require(w->shared != MAP_FAILED, "mmap", "shared memory");
	tree_create(&w->tree);
	snprintf(w->recording, sizeof(w->recording), "%s/run.jmap", w->tree.root);
	tree_write(&w->tree, "/sys/class/powercap/intel-rapl:0/name", "package-0\n");
	tree_write(&w->tree, "/sys/class/powercap/intel-rapl:0:0/name", "core\n");
	tree_printf(&w->tree, "/sys/class/powercap/intel-rapl:0/max_energy_range_uj", "%lld\n",
		    (long long)w->plan.range_uj);
	tree_printf(&w->tree, "/sys/class/powercap/intel-rapl:0:0/max_energy_range_uj", "%lld\n",
		    (long long)w->plan.range_uj);
	tree_write(&w->tree, "/sys/class/hwmon/hwmon0/name", "meter\n");
	tree_write(&w->tree, "/proc/meminfo", "MemTotal: 1000 kB\nMemAvailable: 500 kB\n");
	for (i = 0; i < FAULT_FILES; i++) {
		tree_write(&w->tree, fault_paths[i], "1\n");
		tree_path(&w->tree, fault_paths[i], full, sizeof(full));
		tree_require(stat(full, &st) == 0, "stat", full);
		w->files[i].device = st.st_dev;
		w->files[i].inode = st.st_ino;
	}
	fault_put_proc(w, 1);
}

static inline void fault_world_destroy(struct fault_world *w)
{
	munmap(w->shared, sizeof(*w->shared));
	tree_remove(&w->tree);
}

/* ---- The run, in a process of its own ----------------------------------------------------------------------------- */

static inline void fault_limit_files(const struct fault_plan *p)
{
	struct rlimit limit = {p->file_limit, p->file_limit};

	if (!p->file_limit)
		return;
	signal(SIGXFSZ, p->is_limit_deadly ? SIG_DFL : SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &limit);
}

/* Lets time pass, piece by piece, with what happens meanwhile. */
static inline void fault_pass(struct fault_world *w)
{
	struct fault_plan *p = &w->plan;
	int64_t end_ns = FAULT_ORIGIN_NS + p->duration_ns, t_ns;
	int i;

	for (t_ns = virtual_now(w); t_ns < end_ns; t_ns += FAULT_PIECE_NS) {
		for (i = 0; i < 2; i++)
			if (p->step_ns[i] >= t_ns && p->step_ns[i] < t_ns + FAULT_PIECE_NS)
				w->time.realtime_offset_ns += p->step_by_ns[i];
		if (p->suspend_by_ns && t_ns >= p->suspend_ns) {
			pthread_mutex_lock(&w->time.lock);
			w->time.now_ns += p->suspend_by_ns;
			pthread_mutex_unlock(&w->time.lock);
			t_ns += p->suspend_by_ns;
			end_ns += p->suspend_by_ns;
			p->suspend_by_ns = 0;
		}
		fault_put_proc(w, (int)((t_ns - FAULT_ORIGIN_NS) / FAULT_PIECE_NS) + 1);
		virtual_time_pass(&w->time, t_ns + FAULT_PIECE_NS);
		if (p->kill_ns && t_ns >= p->kill_ns)
			raise(SIGKILL);
	}
}

/* Records under the plan's faults. Gives the code to exit with. */
static inline int fault_record(struct fault_world *w)
{
	struct jm_record_options options = {.size = sizeof(options),
					    .path = w->recording,
					    .sensors = "rapl_powercap,hwmon",
					    .period_ns = w->plan.period_ns,
					    .kind = "record",
					    .processes = "all"};
	struct jm_recorder *r = NULL;
	struct jm_error err = {0};

	jm_env_init(&w->env);
	snprintf(w->env.root, sizeof(w->env.root), "%s", w->tree.root);
	snprintf(w->env.nvml, sizeof(w->env.nvml), "/nonexistent");
	w->env.is_live = false;
	w->env.process_cpu_ns = NULL;
	virtual_time_init(&w->time, FAULT_ORIGIN_NS, &w->env);
	w->env.read_file = fault_read_file;
	fault_limit_files(&w->plan);
	w->shared->start_code = jm_recorder_start_env(&w->env, &options, &r, &err);
	snprintf(w->shared->said, sizeof(w->shared->said), "%s", err.message);
	if (w->shared->start_code)
		return err.message[0] ? 0 : 2;
	w->shared->has_started = 1;
	fault_pass(w);
	virtual_time_release(&w->time);
	memset(&err, 0, sizeof(err));
	w->shared->stop_code = jm_recorder_stop(r, &err);
	snprintf(w->shared->said, sizeof(w->shared->said), "%s", err.message);
	jm_recorder_destroy(r);
	return w->shared->stop_code && !err.message[0] ? 3 : 0;
}

#endif
