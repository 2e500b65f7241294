/* The recorder's inside, for the files that implement it: recorder.c (sensors, pump, file), recorder_tracks.c (spans),
 * recorder_notes.c (what is odd) and processes.c. */
#ifndef SESSION_RECORDER_INTERNAL_H
#define SESSION_RECORDER_INTERNAL_H

#include "session/processes.h"
#include "session/recorder.h"

#include <pthread.h>
#include <semaphore.h>

struct jm_cuda_watch;

struct jm_recorder {
	struct jm_load load; /* at the start */
	struct jm_sensors *sensors;
	struct jm_sampler *sampler;
	pthread_mutex_t lock; /* of all below, and of the writer */
	struct jm_writer *writer;
	struct jm_track **tracks;
	size_t n_tracks;
	uint32_t n_names; /* known to the writer */
	char **warnings;
	size_t n_warnings;
	int status; /* first failure of the pump */
	struct jm_error error;
	pthread_t pump;
	bool is_pumping, is_stopped;
	sem_t cancel;
	int64_t pump_cpu_ns; /* written by the pump before it ends */
	int64_t started_ns;
	bool is_model_inside;                  /* kind "run": the load shares our process */
	int64_t rss_before_model_bytes;        /* 0: no model was loaded by jm_run_model */
	bool has_window;                       /* the caller has set one */
	struct jm_cuda_watch *cuda;            /* NULL: none */
	struct jm_process_recorder *processes; /* NULL: none are watched */
};

/* recorder_cuda.c, lock held: takes in what is new; the rest. Errors: of the writer. */
int jm_recorder_cuda_drain(struct jm_recorder *r);
int jm_recorder_cuda_finish(struct jm_recorder *r);

/* recorder_notes.c, once all readings are there: warns of odd ones; keeps how busy the machine was ("machine_busy_fraction"). */
void jm_recorder_note_readings(struct jm_recorder *r);
void jm_recorder_note_load(struct jm_recorder *r);

/* Adds a line to the warnings; lock held, or nobody else there yet. */
void jm_recorder_warn(struct jm_recorder *r, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
