/* joulemap: where the energy of AI inference goes.
 *
 * The whole public C interface. Conventions:
 *  - A function that can fail returns 0 or a negative JM_E_ code; outputs are written on success only.
 *  - struct jm_error, last parameter, may be NULL: what failed, on what, and what would mend it.
 *  - A returned pointer is borrowed and lives as long as its parent; a pointer-to-pointer out is yours, to be freed
 *    with the matching destroy or close, which accept NULL.
 *  - Times are nanoseconds of CLOCK_MONOTONIC unless a name says otherwise. Units end the name.
 */
#ifndef JOULEMAP_JOULEMAP_H
#define JOULEMAP_JOULEMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define JM_API __attribute__((visibility("default")))
#else
#define JM_API
#endif

#define JM_VERSION_MAJOR 0
#define JM_VERSION_MINOR 1
#define JM_VERSION_PATCH 0

/* Error codes: X(name, number, text). */
#define JM_ERROR_LIST(X)                                                                                               \
	X(AGAIN, -1, "not ready, try again")                                                                           \
	X(GONE, -2, "the device is gone")                                                                              \
	X(NOMEM, -3, "out of memory")                                                                                  \
	X(IO, -4, "input or output failed")                                                                            \
	X(INVALID, -5, "invalid argument")                                                                             \
	X(NOT_FOUND, -6, "not found")                                                                                  \
	X(PERMISSION, -7, "permission denied")                                                                         \
	X(UNSUPPORTED, -8, "not supported here")                                                                       \
	X(FORMAT, -9, "malformed data")                                                                                \
	X(VERSION, -10, "written by a newer version")                                                                  \
	X(EXISTS, -11, "exists already")                                                                               \
	X(FULL, -12, "no space left")                                                                                  \
	X(CANCELLED, -13, "cancelled")                                                                                 \
	X(UNIDENTIFIABLE, -14, "the data cannot tell the answer")

#define JM_ERROR_ENUM(name, number, text) JM_E_##name = number,
enum jm_error_code { JM_E_OK = 0, JM_ERROR_LIST(JM_ERROR_ENUM) };
#undef JM_ERROR_ENUM

/* What went wrong, for a person. message: what failed, on what. remedy: what to try, or empty. */
struct jm_error {
	int code;
	char message[384];
	char remedy[384];
};

/* Gives the text of a code, "unknown error" for others. Static storage. */
JM_API const char *jm_error_text(int code);

/* Gives "MAJOR.MINOR.PATCH" of the library in use. Static storage. */
JM_API const char *jm_version(void);

/* Gives the time on CLOCK_MONOTONIC, ns. */
JM_API int64_t jm_now_ns(void);

/* Receives text: n bytes, not terminated. Gives 0, or another value to stop. */
typedef int (*jm_write_fn)(void *ctx, const char *text, size_t n);

/* ---- Sensors ---------------------------------------------------------------------------------------------------- */

/* A driver and what its probing gave. Texts are borrowed from the list; empty when there is nothing to say. */
struct jm_driver_info {
	const char *name, *summary;
	const char *argument_help; /* what may follow "name:" in a choice of sensors; empty: nothing */
	size_t n_channels;         /* found, the unavailable ones included */
	const char *reason;        /* why nothing was found */
	const char *remedy;        /* what would mend it: a command or an act */
};

/* A channel. Numbers in the unit named; 0 is unknown. */
struct jm_channel_info {
	const char *name, *label, *driver;
	const char *quantity, *unit;    /* "energy" in "uJ", "power" in "uW", ... */
	const char *kind;               /* "counter", "gauge", "window mean" */
	const char *state;              /* "measured", "estimated", "unavailable" */
	const char *domain;             /* "package", "gpu", ... */
	const char *part_of, *same_as;  /* names of channels, or empty */
	uint64_t step, wrap;
	int64_t update_period_ns, window_ns, lowpass_ns, lag_ns;
	double accuracy_fraction;       /* < 0: unknown */
	bool is_default;                /* used when no sensors are named */
	const char *reason, *remedy;
};

/* What a channel showed of a known load: docs/calibration.md. Times in s, powers in W; NAN is unknown. */
/* One level of the stairs of load that a calibration plays. */
struct jm_calibration_stair {
	double level, power_w, noise_w; /* of the load, 0 to 1; mean reading; sd of one reading. NAN: unknown */
};

#define JM_CALIBRATION_STAIRS_MAX 8

struct jm_calibration_info {
	const char *channel, *driver, *driver_version, *device, *date;
	const char *family;                /* "boxcar", "RC", "RC x boxcar", "1 s ramp"; "unknown": no response was found */
	double period_s, jitter_s;         /* between updates; sd of an update about the regular clock */
	double lag_s, window_s, lowpass_s; /* of the response; 0: it has none */
	double lag_sd_s, window_sd_s, lowpass_sd_s;
	double noise_w, step_w, swing_w;   /* of one reading on a steady load; quantum; full load less idle */
	double hold_out_w[4];              /* of boxcar, RC, RC x boxcar, 1 s ramp: residual of readings not fitted */
	double hold_out_fraction;          /* of the family taken, of the swing */
	double drift_per_s, drift_per_k;   /* fraction of the level, by time and by temperature */
	int full_time;                     /* a counter sees all the time: 1 yes, -1 no, 0 unknown */
	double counter_spread;             /* of its power over the phases of a load locked to its clock, of the swing */
	bool is_accepted;                  /* the residual is at most 5 % of the swing */
	const char *reason;                /* why not, or a note; or empty */
	const char *text;                  /* one line */
	const char *json;                  /* all of it, "joulemap-calibration/1" */
	const struct jm_calibration_stair *stairs; /* JM_CALIBRATION_STAIRS_MAX, unused ones all NAN; as the texts */
	double nonlinearity; /* largest distance of a stair from the line through all, of the swing; of load and sensor */
};

struct jm_sensors;

/* Probes the machine. choice: NULL or empty for every driver that needs no argument; else a comma-separated list of
 * "driver", "driver:argument" or a channel prefix such as "nvml/gpu0". Opens nothing for longer than the probe.
 * Errors: JM_E_NOT_FOUND for an unknown name, JM_E_NOMEM. */
JM_API int jm_sensors_probe(const char *choice, struct jm_sensors **out, struct jm_error *err);
JM_API size_t jm_sensors_n_drivers(const struct jm_sensors *sensors);
JM_API size_t jm_sensors_n_channels(const struct jm_sensors *sensors);
/* Fill out for index i < n. Errors: JM_E_INVALID for an index out of range. */
JM_API int jm_sensors_driver(const struct jm_sensors *sensors, size_t i, struct jm_driver_info *out);
JM_API int jm_sensors_channel(const struct jm_sensors *sensors, size_t i, struct jm_channel_info *out);
/* Gives the stored calibration of channel i, borrowed from the list. Errors: JM_E_NOT_FOUND: it has none; JM_E_VERSION: it
 * was made under another driver or for another device, err names both; JM_E_FORMAT: its file is damaged; JM_E_INVALID. */
JM_API int jm_sensors_calibration(const struct jm_sensors *sensors, size_t i, struct jm_calibration_info *out,
				  struct jm_error *err);
JM_API void jm_sensors_destroy(struct jm_sensors *sensors);

/* ---- Recording -------------------------------------------------------------------------------------------------- */

struct jm_record_options {
	size_t size;            /* sizeof(struct jm_record_options); fields may be added at the end */
	const char *path;       /* of the recording to be made */
	bool overwrite;         /* else an existing file is JM_E_EXISTS */
	const char *sensors;    /* choice as in jm_sensors_probe; NULL: the default ones */
	int64_t period_ns;      /* between readings; 0: JM_DEFAULT_PERIOD_NS */
	const char *kind;       /* "record", "run", "idle": kept in the recording; NULL: "record" */
	const char *command;    /* kept in the recording; NULL: none */
	/* Read sensors several times an update, to see when they update: what calibration and the telling apart of layers
	 * need. period_ns 0 is then as often as that takes. */
	bool is_oversampled;
	bool may_lack_sensors;  /* where no sensor can be used, record spans alone, with a warning, instead of failing */
	/* Whose processor time and memory are recorded, too: "all"; "command": what jm_recorder_watch names; "PID,..." (running
	 * ones; "PID@REFERENCE": called PID in the namespace of process REFERENCE); always with their descendants. NULL: none. */
	const char *processes;
	int64_t process_period_ns; /* between snapshots of them; 0: JM_DEFAULT_PROCESS_PERIOD_NS */
};

#define JM_DEFAULT_PERIOD_NS         INT64_C(10000000)
#define JM_DEFAULT_PROCESS_PERIOD_NS INT64_C(100000000)

struct jm_recorder;

/* Opens the sensors, creates the file, starts sampling. Sensors that cannot be opened are left out with a warning (see
 * jm_recorder_warning). Errors: JM_E_NOT_FOUND when no sensor is left (unless may_lack_sensors); those of the file;
 * JM_E_INVALID. */
JM_API int jm_recorder_start(const struct jm_record_options *options, struct jm_recorder **out, struct jm_error *err);

/* Reads a last time, ends sampling, completes and closes the file. Twice is allowed. Errors: the first write that
 * failed (what was committed before stays readable). */
JM_API int jm_recorder_stop(struct jm_recorder *r, struct jm_error *err);
JM_API void jm_recorder_destroy(struct jm_recorder *r);

/* Gives the i-th warning, or NULL behind the last. Borrowed. */
JM_API const char *jm_recorder_warning(const struct jm_recorder *r, size_t i);

/* Says whether writing has failed (disk full, ...): 0, or the code; err: what. */
JM_API int jm_recorder_status(struct jm_recorder *r, struct jm_error *err);

/* Keeps a key and a text with the recording (docs/recording-format.md lists those that mean something). Any thread. */
JM_API int jm_recorder_meta(struct jm_recorder *r, const char *key, const char *text);

/* Sets the window that results are about; default: the whole recording. Any thread. */
JM_API int jm_recorder_window(struct jm_recorder *r, int64_t start_ns, int64_t end_ns);

/* Watches a process that the caller has just started, and all that descends from it: its time counts from its start. Any thread.
 * Errors: JM_E_UNSUPPORTED: the recorder watches no processes; JM_E_NOT_FOUND: there is no such process (any more). */
JM_API int jm_recorder_watch(struct jm_recorder *r, int64_t pid, struct jm_error *err);

/* Gives how many watched processes were alive at the last snapshot. Any thread. */
JM_API size_t jm_recorder_n_watched(struct jm_recorder *r);

/* ---- Markers: spans of the running program -------------------------------------------------------------------- */

struct jm_track;

/* Opens a track: one per thread (or stream); spans on it nest. Any thread; lives as long as r. name: "worker 1". */
JM_API int jm_track_open(struct jm_recorder *r, const char *name, struct jm_track **out, struct jm_error *err);

/* Gives the id of a span name, for jm_span_begin. Cold: takes a lock; call once per name. type: "Conv", or NULL. */
JM_API int jm_span_name(struct jm_recorder *r, const char *name, const char *type, uint32_t *id_out);

/* Says, once a name, what layers of it execute, take and give: "Conv(kernel=3,3 stride=1,1 padding=2,2) fp32[1,3,8,8] fp32[16,3,3,3] ->
 * fp32[1,16,8,8]" (docs/recording-format.md), for their MACs and training data. Cold: takes a lock.
 * Errors: JM_E_INVALID (another form, too long, an unknown name, or r is stopped), those of the file. */
JM_API int jm_span_shapes(struct jm_recorder *r, uint32_t name_id, const char *shapes, struct jm_error *err);

/* Begins and ends a region on a track, by the thread that owns it. Hot: no lock, no allocation, well below 100 ns.
 * Depth at most 64; a deeper begin and an end without begin are counted as lost and said in the recording. */
JM_API void jm_span_begin(struct jm_track *track, uint32_t name_id);
JM_API void jm_span_end(struct jm_track *track);

/* Kinds of spans, X(name, text). ITERATION: one inference call. LAYER: a node of the model. KERNEL, COPY: work on a device.
 * REGION: named by the user. PHASE: "measured", "warm-up", "idle", ...: stretches of the run. RANGE: NVTX or the like.
 * REQUEST: one request of a service. */
#define JM_SPAN_KIND_LIST(X)                                                                                           \
	X(PHASE, "phase")                                                                                              \
	X(ITERATION, "iteration")                                                                                      \
	X(LAYER, "layer")                                                                                              \
	X(KERNEL, "kernel")                                                                                            \
	X(COPY, "copy")                                                                                                \
	X(RANGE, "range")                                                                                              \
	X(REGION, "region")                                                                                            \
	X(REQUEST, "request")
#define JM_SPAN_ENUM(name, text) JM_SPAN_##name,
enum jm_span_kind { JM_SPAN_KIND_LIST(JM_SPAN_ENUM) };
#undef JM_SPAN_ENUM

#define JM_NO_ITERATION UINT32_MAX

/* Flags of spans. */
#define JM_SPAN_PROFILED 1u /* taken while a profiler that distorts times was on: times, not energy, come from it */
#define JM_SPAN_ISOLATED 2u /* the layer was run alone, in a loop: an isolated block */
#define JM_SPAN_WARMUP   4u /* before the measured part */
#define JM_SPAN_FLAGS    7u /* all of them */

/* A span with given times, [start_ns, end_ns): of work on a device, say, whose clock the caller tied to CLOCK_MONOTONIC. */
struct jm_timed_span {
	int64_t start_ns, end_ns;
	uint32_t name_id;   /* of jm_span_name */
	uint32_t iteration; /* number of the inference call, from 0; JM_NO_ITERATION: none. With JM_SPAN_ISOLATED: calls in
			       the block */
	uint32_t kind;      /* enum jm_span_kind */
	uint32_t flags;     /* of JM_SPAN_FLAGS */
};

/* Adds n spans to a track of r; NULL: to track 0, that of the whole run. In any order, any time before r is stopped; spans
 * of one track should nest or follow each other. Cold: takes a lock and writes; many at once are cheaper. Any thread.
 * Errors: JM_E_INVALID (ends before it starts, unknown kind, flag or name; err names the span; none of the n is added;
 * or r is stopped), those of the file. */
JM_API int jm_spans_add(struct jm_recorder *r, const struct jm_track *track, const struct jm_timed_span *spans, size_t n,
			struct jm_error *err);

/* ---- CUDA ------------------------------------------------------------------------------------------------------------ */

/* From now on takes in what libjoulemap_cuda.so (joulemap_cuda.h) writes into folder: kernels, copies and ranges become
 * spans, about twice a second while the programs run; the rest when r is stopped, which should follow their end. What they
 * say of themselves becomes warnings. The folder and its files stay the caller's, who may delete them then; until then what
 * was taken in is cut out of the files where the file system can do that. Once for a recorder.
 * Errors: JM_E_NOT_FOUND, JM_E_PERMISSION, JM_E_INVALID (twice, or stopped), JM_E_NOMEM. */
JM_API int jm_recorder_watch_cuda(struct jm_recorder *r, const char *folder, struct jm_error *err);

/* Gives the path of libjoulemap_cuda.so: JOULEMAP_CUDA_LIBRARY, or beside this library or program as built or installed.
 * Errors: JM_E_NOT_FOUND, JM_E_INVALID when it does not fit. */
JM_API int jm_cuda_library(char *out, size_t size, struct jm_error *err);

/* ---- Running a model --------------------------------------------------------------------------------------------- */

struct jm_run_options {
	size_t size;                /* sizeof(struct jm_run_options) */
	const char *model;          /* path of an ONNX file */
	uint64_t runs, warmup;      /* measured inferences and untimed ones before; 0 runs: 100 */
	uint64_t batch;             /* first dimension where that is the only open one; 0: not given */
	const char *const *shapes;  /* "name=1x3x224x224" */
	size_t n_shapes;
	const char *const *inputs;  /* "FILE.npy" (the only input) or "name=FILE.npy"; others get random data */
	size_t n_inputs;
	uint64_t threads;           /* 0: the runtime's choice */
	const char *provider;       /* "cpu", "cuda", ...; NULL: "cpu" */
	const char *onnxruntime;    /* path of the library; NULL: looked for */
	int64_t idle_ns;            /* quiet stretch before and after, for the idle level; 0: none */
	uint64_t seed;              /* of random inputs */
	double dither_fraction;     /* longest random rest between measured inferences, of one, 0 to 1; 0: none */
	uint64_t isolate_passes;    /* blocks in which each layer is run alone, after the run; 0: none */
	int64_t isolate_budget_ns;  /* time for them; 0: JM_DEFAULT_ISOLATE_BUDGET_NS */
	/* Told what is worth knowing, a line each; ctx: that of progress; may be NULL. */
	void (*tell)(void *ctx, const char *text);
	double settle_fraction;     /* after warmup, until latency settles within this fraction; 0: do not wait for that */
	int64_t settle_limit_ns;    /* but for so long at most; 0: JM_DEFAULT_SETTLE_LIMIT_NS */
	int64_t duration_ns;        /* as many measured inferences as take so long, at least 20, in place of runs; 0: runs */
	bool no_profile;            /* no profiled blocks: no layers */
	/* A data set, "FILE.npy" or "NAME=FILE.npy" for each input, first dimension: items. What is measured is its first batch;
	 * after the run all of it is answered and scored. docs/compare.md. */
	const char *const *data;
	size_t n_data;
	const char *labels;         /* .npy of integers: [items] for accuracy, [items, tokens] for perplexity; NULL: none */
	const char *metric;         /* command that scores the outputs instead; NULL: none */
};

#define JM_DEFAULT_SETTLE_LIMIT_NS INT64_C(10000000000)
#define JM_DEFAULT_DITHER_FRACTION 0.3
#define JM_DEFAULT_ISOLATE_PASSES 4
#define JM_DEFAULT_ISOLATE_BUDGET_NS INT64_C(60000000000)

/* Tells how far a run is; what: "warm-up", "measuring", ... Gives 0, or another value to stop the run cleanly. */
typedef int (*jm_progress_fn)(void *ctx, const char *what, uint64_t done, uint64_t total);

/* Runs the model under measurement by a recorder of kind "run": blocks of plain inferences, from which energy and latency
 * come, interleaved with short profiled blocks, from which layer times come. progress may be NULL.
 * Errors: JM_E_INVALID (shape, input; the message names them), JM_E_FORMAT (damaged model), JM_E_UNSUPPORTED (operator,
 * provider, no runtime; the remedy says what to do), JM_E_NOT_FOUND, JM_E_CANCELLED (what was measured stays). */
JM_API int jm_run_model(struct jm_recorder *r, const struct jm_run_options *options, jm_progress_fn progress, void *ctx,
			struct jm_error *err);

/* ---- Calibration ------------------------------------------------------------------------------------------------ */

struct jm_calibrate_options {
	size_t size;           /* sizeof(struct jm_calibrate_options) */
	const char *sensors;   /* choice as in jm_sensors_probe; NULL: the default ones */
	int64_t duration_ns;   /* of the changing load; 0: JM_DEFAULT_CALIBRATION_NS */
	int64_t steady_ns;     /* of the steady load behind it, for noise and drift; 0: JM_DEFAULT_STEADY_NS */
	const char *load;      /* command to load the device with, run by sh; NULL: joulemap's own load */
	bool load_is_told;     /* the command reads "on" and "off" lines; else it is stopped and continued by signals */
	uint64_t threads;      /* of the processor's own load; 0: one a processor */
	uint64_t seed;         /* of the random bits */
	bool is_not_kept;      /* do not store the result */
};

#define JM_DEFAULT_CALIBRATION_NS INT64_C(60000000000)
#define JM_DEFAULT_STEADY_NS      INT64_C(20000000000)

struct jm_calibrations;

/* Plays a known load on the machine and finds how each sensor shows it; what was found is stored for later reports and
 * recordings (is_not_kept: not). A channel for which nothing was found is in the list with family "unknown" and the reason.
 * Signals should be blocked by the caller; progress, which may be NULL, says when to stop.
 * Errors: JM_E_UNSUPPORTED: there are only estimates, which have nothing to calibrate; JM_E_NOT_FOUND: no sensor, or no
 * load for it; JM_E_CANCELLED: nothing was stored; JM_E_INVALID: too short; JM_E_GONE: the load's command ended; those of
 * recording and storing. */
JM_API int jm_calibrate(const struct jm_calibrate_options *options, jm_progress_fn progress, void *ctx,
			struct jm_calibrations **out, struct jm_error *err);
JM_API size_t jm_calibrations_n(const struct jm_calibrations *list);
/* Gives the i-th, borrowed from the list. Errors: JM_E_INVALID. */
JM_API int jm_calibrations_get(const struct jm_calibrations *list, size_t i, struct jm_calibration_info *out);
/* Gives the i-th remark on the whole (the load, sensors left out), or NULL behind the last. Borrowed. */
JM_API const char *jm_calibrations_note(const struct jm_calibrations *list, size_t i);
/* Gives what taking the readings took, all loads together: processor time, the time it was taken in (NAN: unknown), and the largest
 * memory (< 0: unknown). What the load itself took is not in the time. */
JM_API void jm_calibrations_cost(const struct jm_calibrations *list, double *cpu_s, double *wall_s, int64_t *rss_bytes);
JM_API void jm_calibrations_destroy(struct jm_calibrations *list);

/* ---- Importing --------------------------------------------------------------------------------------------------- */

struct jm_import_options {
	size_t size;         /* sizeof(struct jm_import_options) */
	const char *path;    /* of the recording to be made */
	bool overwrite;
	bool has_offset;     /* offset_ns is given: add it to the times of traces to get those of the power logs */
	int64_t offset_ns;
	const char *isolated; /* name of phases in which layers were run alone, in loops; their spans' iteration is the number
				 of calls. NULL: none */
	/* Told what was found, estimated, corrected or left out, a line each; may be NULL. */
	void (*tell)(void *ctx, const char *text);
	void *ctx;
};

/* Makes a recording of power logs and traces of other tools, found by content. Where their clocks differ, the offset is
 * estimated from activity and power, and told. Errors: JM_E_NOT_FOUND, JM_E_FORMAT (file and position),
 * JM_E_UNIDENTIFIABLE when clocks cannot be tied, those of the recording. */
JM_API int jm_import(const char *const *files, size_t n_files, const struct jm_import_options *options,
		     struct jm_error *err);

/* ---- Reports ---------------------------------------------------------------------------------------------------- */

struct jm_report_options {
	size_t size;           /* sizeof(struct jm_report_options) */
	const char *method;    /* "share", "window", "integrate", ...; NULL: "auto" */
	const char *baseline;  /* recording of the idle machine; "none"; NULL: the stored one of this machine, if it fits */
	bool with_iterations;  /* rows per iteration, too */
	const char *window;    /* name of spans: only the time inside them counts; NULL: the measured part */
	const char *by;        /* what the parts are: "kernel", "range", "stream" (of CUDA); any other, or NULL: layers */
	bool with_timeline;    /* keep what formats of records need ("aipowermeter") */
	const char *weigh;     /* processor time of processes: "time", "cycles", "instructions"; NULL: "auto" */
	bool with_scene;       /* keep power and spans along time, for the format "html" and for plots */
};

struct jm_view_options {
	size_t size;           /* sizeof(struct jm_view_options) */
	const char *format;    /* "table", "summary", "html", or an exporter: "json", "csv"; NULL: "table" */
	const char *by;        /* "layer", "type", "iteration", "channel", or as in jm_report_options; NULL: "layer" */
	const char *sort;      /* "energy", "time", "power", "name", "none"; NULL: "energy" */
	size_t limit;          /* rows; 0: all */
	bool is_colour;
	int width;             /* of the terminal; 0: unlimited */
	bool with_work;        /* tables show MACs, energy by MAC, FLOPs by joule and by byte of each row */
	/* Figures of the user, of which tables, CSV and JSON then say what the energy comes to; NULL: none, there is no default.
	 * carbon: "420", g CO2e by kWh; price: "0.30" or "0.30EUR", by kWh. */
	const char *carbon, *price;
};

struct jm_report;

/* Explains a recording. Errors: those of opening it; JM_E_INVALID for an unknown method; JM_E_NOMEM. */
JM_API int jm_report_open(const char *path, const struct jm_report_options *options, struct jm_report **out,
			  struct jm_error *err);
/* Writes it as text. Errors: JM_E_INVALID for an unknown format, view or order; JM_E_CANCELLED when write stops. */
JM_API int jm_report_write(const struct jm_report *report, const struct jm_view_options *view, jm_write_fn write,
			   void *ctx, struct jm_error *err);
JM_API void jm_report_destroy(struct jm_report *report);
/* Explains a recording by share, regress, isolate and fused, and writes their layers as one table. Of options, method does not
 * count; of view, limit, is_colour and width do. Both may be NULL. Takes as long as four reports. Errors: as the two above. */
JM_API int jm_report_compare_methods(const char *path, const struct jm_report_options *options,
				     const struct jm_view_options *view, jm_write_fn write, void *ctx,
				     struct jm_error *err);

/* ---- Model complexity -------------------------------------------------------------------------------------------- */

struct jm_complexity_options {
	size_t size;              /* sizeof(struct jm_complexity_options) */
	const char *model;        /* path of an ONNX file */
	uint64_t batch;           /* as in struct jm_run_options */
	const char *const *shapes;
	size_t n_shapes;
	const char *onnxruntime;  /* as there; runs the model once where shapes cannot be inferred */
	bool is_never_run;        /* leave such shapes unknown instead */
};

struct jm_complexity_report;

/* Counts parameters, MACs, FLOPs and bytes of an ONNX model, by layer (docs/model-complexity.md). Shapes that stay unknown
 * leave their layers' counts unknown, with a note. Open dimensions of inputs: the first is 1 unless given, others must be
 * given for any count that depends on them. Errors: those of reading the model; JM_E_INVALID for a shape that contradicts it. */
JM_API int jm_complexity_report_open(const struct jm_complexity_options *options, struct jm_complexity_report **out,
				     struct jm_error *err);
/* Writes it. view: format "table", "summary", "csv" or "json" ("joulemap-model/1"); by "layer" or "type"; sort "macs",
 * "parameters", "bytes", "name" or "none" (NULL: the model's order); limit, is_colour, width. Errors: as jm_report_write. */
JM_API int jm_complexity_report_write(const struct jm_complexity_report *report, const struct jm_view_options *view,
				      jm_write_fn write, void *ctx, struct jm_error *err);
JM_API void jm_complexity_report_destroy(struct jm_complexity_report *report);

/* ---- The idle machine ------------------------------------------------------------------------------------------- */

/* Gives where the idle recording of these sensors (a list as in struct jm_recorder_options; NULL: all) of this machine is
 * kept, $XDG_DATA_HOME/joulemap/idle-MACHINE[-SENSORS].jmap, and makes ready for it: makes the folder and removes what
 * killed runs left. It is to be recorded under another name, that plus ".partial", and renamed once complete. Reports take the
 * level of each channel from the newest recording that has it. Errors: JM_E_IO, JM_E_PERMISSION; JM_E_INVALID when it does
 * not fit, or for replayed sensors, which say nothing of this machine. */
JM_API int jm_idle_prepare(const char *sensors, char *out, size_t size, struct jm_error *err);
/* Judges such a recording: was the machine idle? *busy_out: part of all processors' time that was at work meanwhile, that of joulemap
 * included; NAN: unknown. Errors: JM_E_INVALID: it was above JM_IDLE_BUSY_MAX (*busy_out is set); those of opening it. */
#define JM_IDLE_BUSY_MAX 0.10
JM_API int jm_idle_judge(const char *path, double *busy_out, struct jm_error *err);

#ifdef __cplusplus
}
#endif
#endif
