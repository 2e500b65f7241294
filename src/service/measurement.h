/* The measurements under way: who asked for the energy of which processes, from when, for how long, and what came of it.
 *
 *   request ──add──> waiting ──start──> running ──duration, stop──> done
 *                                          └──process ends──> gone        (each process for itself)
 *
 * Knows nothing of HTTP or events: those ask here, and listen. The world (processes, energy, time) is given, so that tests play
 * one. Each process is watched once, however many ask; a tick costs one subtraction for each process of each measurement. */
#ifndef SERVICE_MEASUREMENT_H
#define SERVICE_MEASUREMENT_H

#include "joulemap/joulemap.h"

/* What is measured of a process: X(name, text). */
#define JM_DEVICE_LIST(X)                                                                                              \
	X(CPU, "cpu")                                                                                                  \
	X(GPU, "gpu")                                                                                                  \
	X(DRAM, "dram")
#define JM_ENUM(name, text) JM_DEVICE_##name,
enum jm_device { JM_DEVICE_LIST(JM_ENUM) JM_N_DEVICES };
#undef JM_ENUM
#define JM_DEVICE_BIT(device) (1u << (device))
#define JM_DEVICE_ALL         ((1u << JM_N_DEVICES) - 1)
const char *jm_device_text(enum jm_device device);

/* Sums that only rise, at one moment. */
struct jm_device_sum {
	bool is_known; /* there is such a sensor; of a process: and its energy can be given to processes */
	bool is_estimated;
	double energy_j;      /* of the process and what descends from it, or of the machine */
	double machine_j;     /* of the machine */
	double seen_s;        /* time of which the sensors spoke; gaps left out */
	double idle_j;        /* of the machine: what of machine_j is the idle machine's */
	double low_j, high_j; /* what machine_j may be: accuracy of the sensor, bounds of an estimate; NAN: unknown */
};

struct jm_moment {
	int64_t t_ns, realtime_ns;
	struct jm_device_sum devices[JM_N_DEVICES];
	double cpu_s; /* of the process and what descends from it; in moments of the machine: of the service itself */
	uint64_t start_ticks; /* of the process, since boot; 0: not known yet */
	bool is_gone;
};

/* The world as measurements need it; service.c gives jm_live's. */
struct jm_measure_world {
	void (*refresh)(void *ctx); /* something begins or ends: fresh figures are wanted */
	int (*watch)(void *ctx, int64_t pid, uint32_t *id_out, struct jm_error *err);
	void (*unwatch)(void *ctx, uint32_t id);
	void (*process)(void *ctx, uint32_t id, struct jm_moment *out); /* as of the last tick */
	void (*machine)(void *ctx, struct jm_moment *out);
	const char *(*name)(void *ctx, uint32_t id); /* command, or name; borrowed for the moment */
	void *ctx;
	void (*begin)(void *ctx); /* all that a request wants are watched; may be NULL */
};

enum jm_measure_state { JM_MEASURE_WAITING, JM_MEASURE_RUNNING, JM_MEASURE_DONE, JM_MEASURE_GONE };
/* Gives the word for it in JSON. */
const char *jm_measure_state_text(enum jm_measure_state state);

/* One process of one measurement. */
struct jm_measure_part {
	int64_t pid;
	enum jm_measure_state state;
	char name[128];
	char reason[160]; /* gone: why */
	uint32_t id;      /* of the world, while running */
	uint64_t n_samples;
	struct jm_moment first, last, previous; /* previous: the sample before last */
};

struct jm_measurement {
	uint64_t id;        /* from 1, never used again */
	char recording[64]; /* file of it, in the folder of the recordings; empty: none */
	unsigned n_pauses;  /* how often a service ended without ending it, and another went on with it */
	char label[64];     /* who asked, for outputs: "http", "event", ... */
	unsigned devices;
	enum jm_measure_state state;
	int64_t asked_ns, asked_realtime_ns, start_ns, end_ns; /* end_ns: INT64_MAX until stopped */
	struct jm_measure_part *parts;
	size_t n_parts;
	struct jm_moment machine_first, machine_last;
};

struct jm_measure_request {
	const int64_t *pids;
	size_t n_pids;
	unsigned devices;    /* JM_DEVICE_BIT; 0: all */
	int64_t start_ns;    /* CLOCK_MONOTONIC; 0 or past: now */
	int64_t duration_ns; /* 0: until stopped */
	const char *label;
};

/* Told what happens; for outputs. Not to call back. */
enum jm_measure_event {
	JM_MEASURE_ADDED,
	JM_MEASURE_STARTED,
	JM_MEASURE_SAMPLED,
	JM_MEASURE_PART_ENDED,
	JM_MEASURE_ENDED
};
struct jm_measure_listener {
	/* part: NULL where the event is of the whole; SAMPLED comes for each running part: last less previous is the sample */
	void (*tell)(void *ctx, enum jm_measure_event event, const struct jm_measurement *m,
		     const struct jm_measure_part *part);
	void *ctx;
};

struct jm_measure_limits {
	size_t max_active; /* waiting and running; 0: 1024 */
	size_t max_kept;   /* done, of which the oldest go first; 0: 1024 */
	size_t max_pids;   /* of one request; 0: 4096 */
	size_t max_parts;  /* processes of all, kept ones included; 0: 16384 */
};

struct jm_measurements;

/* world, limits are copied. Errors: JM_E_NOMEM. */
int jm_measurements_create(const struct jm_measure_world *world, const struct jm_measure_limits *limits,
			   struct jm_measurements **out, struct jm_error *err);
void jm_measurements_destroy(struct jm_measurements *all);
/* Errors: JM_E_NOMEM. */
int jm_measurements_listen(struct jm_measurements *all, const struct jm_measure_listener *listener);

/* Takes a request in; one that starts now is running when this returns, on fresh figures. A process that is not there is gone from the
 * start, and does not fail the others. Errors: JM_E_INVALID (no or bad pids, devices, negative times); JM_E_FULL: a limit, err says
 * which; JM_E_NOT_FOUND, JM_E_PERMISSION: none of the processes is there; JM_E_NOMEM. */
int jm_measurements_add(struct jm_measurements *all, const struct jm_measure_request *request, int64_t now_ns,
			int64_t realtime_ns, uint64_t *id_out, struct jm_error *err);
/* Goes on with a measurement that an earlier service did not end; it becomes all's, whatever comes. Its number must be higher than all
 * that are there. Of parts that wait or run, last less first is what they had; what follows is added to it. Errors: JM_E_INVALID,
 * JM_E_NOMEM. */
int jm_measurements_resume(struct jm_measurements *all, struct jm_measurement *m, int64_t now_ns);
/* The next number is at least this. */
void jm_measurements_number_from(struct jm_measurements *all, uint64_t id);
/* Frees one that is nobody's. NULL is allowed. */
void jm_measurement_free(struct jm_measurement *m);
/* Says where the recording of one is; empty: nowhere. */
void jm_measurements_set_recording(struct jm_measurements *all, uint64_t id, const char *name);
/* Ends one. Errors: JM_E_NOT_FOUND. Of one that has ended: 0. */
int jm_measurements_stop(struct jm_measurements *all, uint64_t id, int64_t now_ns);
/* Ends a process in every measurement that has it active. Gives in how many. */
size_t jm_measurements_stop_pid(struct jm_measurements *all, int64_t pid, int64_t now_ns);
/* Ends all. */
void jm_measurements_stop_all(struct jm_measurements *all, int64_t now_ns);
/* The world has ticked: takes samples, starts and ends what is due. */
void jm_measurements_tick(struct jm_measurements *all, int64_t now_ns);
/* When something starts or ends next; INT64_MAX: never. */
int64_t jm_measurements_due_ns(const struct jm_measurements *all);

/* How many are kept; of these not over; of these begun; and how many there ever were. */
size_t jm_measurements_n(const struct jm_measurements *all);
size_t jm_measurements_n_active(const struct jm_measurements *all);
size_t jm_measurements_n_running(const struct jm_measurements *all);
uint64_t jm_measurements_n_ever(const struct jm_measurements *all);
/* How many have ended in that state (JM_MEASURE_DONE, JM_MEASURE_GONE), those forgotten since included. */
uint64_t jm_measurements_n_ended(const struct jm_measurements *all, enum jm_measure_state state);
/* Borrowed until the next add or tick; NULL: there is none. In order of id. */
const struct jm_measurement *jm_measurements_get(const struct jm_measurements *all, uint64_t id);
const struct jm_measurement *jm_measurements_at(const struct jm_measurements *all, size_t i);

/* What a device gave between the first and last moment of a part. power_w: NAN when nothing was seen. */
struct jm_measure_result {
	bool is_known, is_estimated;
	double energy_j, low_j, high_j, power_w, seen_s;
};
struct jm_measure_result jm_measure_between(const struct jm_moment *from, const struct jm_moment *to,
					    enum jm_device device);

#endif
