/* The files that the power plugin of camera-traps leaves (docs/camera-traps.md), in one folder:
 *
 *   CPU.json DRAM.json      {"time": [watts, "pid", "program"], ...}   a key a reading
 *   GPU.json                {"time": watts, ...}                       of the whole machine
 *   cpu.json gpu.json dram.json   [{"time": [["watts", "pid"], ...]}, ...]   an element a tick
 *   power_summary_report.json, metadata_START.json
 *
 * Times are UTC with microseconds, and never twice the same. A listener to measurements; one thread. What cannot be written waits,
 * is told, and is tried again. */
#ifndef SERVICE_OUTPUTS_H
#define SERVICE_OUTPUTS_H

#include "service/measurement.h"

struct jm_outputs;

/* Makes folder where it is missing. Errors: those of the system. */
int jm_outputs_folder(const char *folder, struct jm_error *err);
/* The same, and makes the files; those of an earlier run are kept under other names. log, which may be NULL, is told
 * of files that cannot be written. Errors: those of the system. */
int jm_outputs_open(const char *folder, int64_t realtime_ns, void (*log)(void *ctx, const char *text), void *ctx,
		    struct jm_outputs **out, struct jm_error *err);
/* For jm_measurements_listen; valid as long as o. */
struct jm_measure_listener jm_outputs_listener(struct jm_outputs *o);
/* Takes the machine's sums at each tick, behind the measurements' samples. */
void jm_outputs_machine(struct jm_outputs *o, const struct jm_moment *machine);
/* When jm_outputs_work wants to be called; INT64_MAX: never. */
int64_t jm_outputs_due_ns(const struct jm_outputs *o);
/* Brings to the files what is new. */
void jm_outputs_work(struct jm_outputs *o, int64_t now_ns, int64_t realtime_ns);
/* The same a last time, and closes. NULL is allowed. */
void jm_outputs_close(struct jm_outputs *o, int64_t realtime_ns);

#endif
