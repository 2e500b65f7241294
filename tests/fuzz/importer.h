/* What the fuzz targets of the importers share: reads any bytes and checks what comes out. */
#ifndef TESTS_FUZZ_IMPORTER_H
#define TESTS_FUZZ_IMPORTER_H

#include "fuzz.h"

#include "trace/trace.h"

#include <stdlib.h>
#include <string.h>

struct fuzz_seen {
	uint32_t n_names;
	uint16_t n_channels;
};

static int fuzz_name(void *ctx, const char *text, size_t text_n, const char *type, size_t type_n, uint32_t *out)
{
	struct fuzz_seen *seen = ctx;
	volatile unsigned sum = 0;
	size_t i;

	for (i = 0; i < text_n; i++) /* touch it: a sanitizer sees what is not there */
		sum += (unsigned char)text[i];
	for (i = 0; type && i < type_n; i++)
		sum += (unsigned char)type[i];
	(void)sum;
	*out = seen->n_names++;
	return 0;
}

static int fuzz_spans(void *ctx, const struct jm_span *spans, size_t n)
{
	const struct fuzz_seen *seen = ctx;
	size_t i;

	for (i = 0; i < n; i++)
		if (spans[i].end_ns < spans[i].start_ns || spans[i].name >= seen->n_names ||
		    spans[i].kind > JM_SPAN_REQUEST)
			abort();
	return 0;
}

static int fuzz_samples(void *ctx, const struct jm_sample *samples, size_t n)
{
	const struct fuzz_seen *seen = ctx;
	size_t i;

	for (i = 0; i < n; i++)
		if (samples[i].channel >= seen->n_channels || samples[i].status > JM_SAMPLE_GAP)
			abort();
	return 0;
}

static int fuzz_processes(void *ctx, struct jm_process_log *log)
{
	size_t i;

	(void)ctx;
	for (i = 0; i < log->n_samples; i++)
		if (log->samples[i].process >= log->n_processes || log->sample_steps[i] >= log->n_steps ||
		    log->samples[i].cpu_ns < 0)
			abort();
	for (i = 0; i < log->n_gpu; i++)
		if ((log->gpu[i].process >= log->n_processes && log->gpu[i].process != JM_PROCESS_OTHERS) ||
		    log->gpu[i].sm_ppm < 0 || log->gpu[i].sm_ppm > 1000000000)
			abort();
	jm_process_log_finish(log);
	return 0;
}

static int fuzz_channel(void *ctx, const struct jm_channel *channel, uint16_t *out)
{
	struct fuzz_seen *seen = ctx;

	if (!channel->name[0] || channel->part_of >= seen->n_channels || channel->same_as >= seen->n_channels)
		abort();
	*out = seen->n_channels++;
	return 0;
}

static int fuzz_meta(void *ctx, const char *key, const char *value)
{
	(void)ctx;
	return *key && value ? 0 : JM_E_INVALID;
}

static void fuzz_warn(void *ctx, const char *text)
{
	(void)ctx;
	if (!*text)
		abort();
}

static inline int fuzz_importer(const char *name, const uint8_t *data, size_t n)
{
	const struct jm_importer *importer = jm_importer_find(name);
	struct fuzz_seen seen = {0};
	struct jm_trace_output out = {.spans = {fuzz_name, fuzz_spans, &seen, NULL},
				      .samples = {fuzz_samples, &seen},
				      .channel = fuzz_channel,
				      .processes = fuzz_processes,
				      .meta = fuzz_meta,
				      .warn = fuzz_warn,
				      .ctx = &seen};
	struct jm_trace_input in = {.path = "input", .n = n};
	struct jm_error err = {0};
	char *copy = calloc(1, n + 64);
	int rc;

	if (!importer || !copy)
		abort();
	if (n > 0)
		memcpy(copy, data, n);
	in.data = copy;
	importer->match(copy, n < 65536 ? n : 65536);
	rc = jm_trace_read(importer, &in, &out, &err);
	if (rc && !err.message[0])
		abort(); /* refused without a word */
	free(copy);
	return 0;
}

#endif
