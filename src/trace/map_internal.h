/* Between the parts of the mapping. Times: us of local wall clock since 1970. */
#ifndef TRACE_MAP_INTERNAL_H
#define TRACE_MAP_INTERNAL_H

#include "core/decimal.h"
#include "core/json.h"
#include "core/span.h"
#include "joulemap/map.h"

struct jm_map_power {
	int64_t *t_us;
	double *power_uw;
	size_t n, capacity;
	bool is_sorted;
	bool has_cut_end; /* the last line has no end: a number in it may be cut off */
};

/* A layer in one cycle. */
struct jm_map_entry {
	double duration_ms;
	int64_t stamp_us;    /* 0 when the file has durations only */
	jm_decimal duration; /* its text; 0: none at hand */
};

/* One layer: entries 0 .. n - 1 are its cycles. */
struct jm_map_layer {
	char *name, *type;
	struct jm_map_entry *entries;
	size_t n, capacity;
};

struct jm_map_layers {
	struct jm_map_layer *items;
	struct jm_names names; /* index: that of the layer; types are not used */
	size_t n, capacity, n_cycles;
	bool has_stamps;
	bool is_integral; /* every duration was written as an integer: the CSV then shows integers, as pandas does */
};

/* Frees the readings. */
void jm_map_power_finish(struct jm_map_power *power);
/* Reads "YYYYmmdd-HH:MM:SS.f,mV,mA" lines; keeps_cut_end: a last line without end, too. Errors: JM_E_FORMAT with path and line; JM_E_NOT_FOUND, JM_E_IO. */
int jm_map_power_load(const char *path, bool keeps_cut_end, struct jm_map_power *power, struct jm_error *err);
/* Sorts by time, keeping the order of equal ones. Errors: JM_E_NOMEM. */
int jm_map_power_sort(struct jm_map_power *power);
/* Reads the idle power, uW: idling_power.json, or the first number of a seed-era log. */
int jm_map_idle_load(const char *path, double *out_uw, struct jm_error *err);

/* Frees the layers. */
void jm_map_layers_finish(struct jm_map_layers *layers);
/* A day: what is longer is no layer, and would overflow the sums in microseconds. */
#define JM_MAP_MAX_MS 8.64e7

/* Gives the layer of that name, new or emptied: a key that comes again replaces the first one, in its place, as in
 * Python. It lives until the next call. NULL: out of memory. */
struct jm_map_layer *jm_map_layer_begin(struct jm_map_layers *layers, const char *name, size_t n);
/* Adds an entry to layer, one of layers. Errors: JM_E_NOMEM. */
int jm_map_layer_add(struct jm_map_layers *layers, struct jm_map_layer *layer, const struct jm_map_entry *entry);
/* Sets n_cycles anew: a key that came twice may have shortened its layer. */
void jm_map_layers_count(struct jm_map_layers *layers);
/* Moves the layers of from behind those of to; a name that is there keeps its place. Errors: JM_E_NOMEM. */
int jm_map_layers_merge(struct jm_map_layers *to, struct jm_map_layers *from);

/* Reads trt_layer_latency.json. Errors: JM_E_FORMAT with the place; JM_E_NOMEM, JM_E_IO. */
int jm_map_latency_read(struct jm_json *json, struct jm_map_layers *layers, struct jm_error *err);
/* Reads the layers in the bytes [from, to) of such a file, which begin with the opening brace when has_begin, else with
 * a name, and end with the closing one, or nothing but white space behind it, when has_end, else behind a list. It knows
 * the usual way to write it and is quick to refuse: what it takes is right, the rest is for jm_map_latency_read. Errors:
 * JM_E_FORMAT, JM_E_NOMEM, JM_E_IO. */
int jm_map_scan(int fd, uint64_t from, uint64_t to, bool has_begin, bool has_end, struct jm_map_layers *layers);

/* Reads the file of path, which must outlive it, with the help of a second thread if it is large: that begins at once,
 * finish joins in and waits. layers: empty. */
struct jm_map_parts;
int jm_map_parts_start(const char *path, struct jm_map_parts **out, struct jm_error *err);
int jm_map_parts_finish(struct jm_map_parts *parts, struct jm_map_layers *layers, struct jm_error *err);

/* Sets the layers' types from trt_engine_info.json; "Unknown" where it does not say. */
int jm_map_types_load(const char *path, struct jm_map_layers *layers, struct jm_error *err);

/* Gives the microseconds of a duration as Python's timedelta(milliseconds=ms) rounds them: half to even. */
int64_t jm_map_round_us(double ms);

/* Counts the cycles that were reported before the one before them: the clock stepped back. */
uint64_t jm_map_count_steps_back(const struct jm_map_layers *layers);
/* Lays the layers of a cycle in time, as described in map_write.c under "corrected". starts_us, ends_us: layers->n
 * entries; those of layers that the cycle lacks stay as they are. Gives whether the stamps could be kept as ends. */
bool jm_map_lay(const struct jm_map_layers *layers, size_t cycle, int64_t *starts_us, int64_t *ends_us);

/* Writes the CSV to fd and fills in what m says of rows and readings. idle_uw: NAN when unknown. */
int jm_map_write(int fd, const struct jm_map_layers *layers, const struct jm_map_power *power, double idle_uw,
		 enum jm_map_mode mode, struct jm_map_model *m, struct jm_error *err);

/* Rows to CSV text, in map_out.c. Layers and fd must outlive it. Errors: JM_E_NOMEM; JM_E_FORMAT when a name does not fit
 * into a row. */
struct jm_map_out;
int jm_map_out_open(int fd, const struct jm_map_layers *layers, struct jm_map_out **out, struct jm_error *err);
/* Adds a row; power, excluding: NAN for an empty cell. */
void jm_map_out_row(struct jm_map_out *o, size_t layer, size_t cycle, double power_uw, double excluding_uw);
/* Writes what is left and frees o; NULL is allowed. Gives errno of the first write that failed, or 0. */
int jm_map_out_close(struct jm_map_out *o);

#endif
