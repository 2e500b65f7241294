/* The contract of an importer: text of some tool in, spans and samples out. See HACKING.md: one file, one line in
 * trace_list.h, one test, one seed corpus for the fuzzer. */
#ifndef TRACE_TRACE_H
#define TRACE_TRACE_H

#include "core/channel.h"
#include "core/process.h"
#include "core/sink.h"

/* What an importer reads: the whole file, mapped or in memory. data is followed by at least 64 readable zero bytes. */
struct jm_trace_input {
	const char *path; /* for messages; may be NULL */
	const char *data;
	size_t n;
};

/* Where it puts what it finds. Times: the trace's own clock, in ns; clock says which (the session ties it to ours). */
enum jm_trace_clock {
	JM_TRACE_CLOCK_NONE,      /* durations only: no time of day, spans are laid back to back from 0 */
	JM_TRACE_CLOCK_RELATIVE,  /* counts from an unknown start */
	JM_TRACE_CLOCK_MONOTONIC, /* CLOCK_MONOTONIC of the machine */
	JM_TRACE_CLOCK_REALTIME,  /* ns since 1970, UTC */
	JM_TRACE_CLOCK_LOCAL,     /* local wall clock without zone, read as if it were UTC */
};

struct jm_importer;

struct jm_trace_output {
	struct jm_span_sink spans;
	struct jm_sample_sink samples;
	/* Declares a channel of a power log; gives its index for samples. */
	int (*channel)(void *ctx, const struct jm_channel *channel, uint16_t *index_out);
	/* Key and value for the recording's meta table ("idle_power_uw", "model", "latencies", ...). */
	int (*meta)(void *ctx, const char *key, const char *value);
	/* Takes what the file says of processes, on its clock; log is the caller's after this. NULL: nobody wants to know. */
	int (*processes)(void *ctx, struct jm_process_log *log);
	/* One line for the user: something odd, corrected or left out. */
	void (*warn)(void *ctx, const char *text);
	const char
	    *isolated; /* given by the caller: name of stages whose rows are blocks of layers run alone; NULL: none */
	enum jm_trace_clock clock;          /* set by the importer */
	const struct jm_importer *importer; /* set by jm_trace_read: which one it was */
	void *ctx;                          /* of channel, meta and warn */
};

struct jm_importer {
	const char *name, *summary;
	/* Confidence, 0 (not mine) to 100, after seeing only the head of the file (at most 64 KiB). */
	int (*match)(const char *head, size_t n);
	/* in is plain text, no gzip. Errors: JM_E_FORMAT with file, line or byte position and what is wrong; those of the sinks. */
	int (*read)(const struct jm_trace_input *in, struct jm_trace_output *out, struct jm_error *err);
};

/* Registered importers, NULL at the end. */
extern const struct jm_importer *const jm_importers[];
const struct jm_importer *jm_importer_find(const char *name);

/* Reads what is in memory by importer, or by the one that recognises it when importer is NULL; opens up gzip, which an
 * importer's own read does not. Errors: JM_E_UNSUPPORTED when nothing recognises it; as an importer's read. */
int jm_trace_read(const struct jm_importer *importer, const struct jm_trace_input *in, struct jm_trace_output *out,
		  struct jm_error *err);
/* The same for a file. */
int jm_trace_read_file(const struct jm_importer *importer, const char *path, struct jm_trace_output *out,
		       struct jm_error *err);

#endif
