/* What a trace is made from, while it is made. */
#ifndef SESSION_REPORT_TRACE_H
#define SESSION_REPORT_TRACE_H

#include "attribution/series.h"
#include "export/trace.h"
#include "session/report.h"

#define JM_TRACE_ARGS_MAX     96
#define JM_TRACE_WARNINGS_MAX 16
/* A span tells its own energy where it is as long as so many updates of the sensor, and so much of it was seen. */
#define JM_TRACE_PERIODS 2
#define JM_TRACE_SEEN    0.95

enum jm_trace_key {
	JM_TRACE_MEAN_MJ,
	JM_TRACE_MEAN,
	JM_TRACE_POWER_W,
	JM_TRACE_STATE,
	JM_TRACE_ENERGY_MJ,
	JM_TRACE_SD_MJ,
	JM_TRACE_TOTAL_J,
	JM_TRACE_KEYS
};

struct jm_trace_args {
	struct jm_trace_arg items[JM_TRACE_ARGS_MAX];
	size_t n;
};

struct jm_trace_channel {
	const struct jm_channel *channel; /* borrowed */
	char *keys[JM_TRACE_KEYS];
	struct jm_series series; /* of energy and power */
	bool has_series;
};

struct jm_trace_name {
	const char *text, *type;
	size_t index;
};

struct jm_tracing {
	const struct jm_report *report;
	const struct jm_channel *all; /* of the recording */
	struct jm_trace_channel *channels;
	size_t n_channels;
	size_t *first_row, *next_row; /* index + 1; 0: none */
	size_t n_names;
	char **row_texts; /* by row of the result; NULL until wanted */
	struct jm_trace trace;
	uint32_t thread;
	bool has_thread;
	char warning_keys[JM_TRACE_WARNINGS_MAX][16];
};

/* Writes the counters of all channels, and where readings are missing; keeps the series. Errors: those of reading. */
int jm_tracing_counters(struct jm_tracing *g, struct jm_error *err);

#endif
