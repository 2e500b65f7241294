/* Loads the H200 recordings of the shared data: power log and spans, both with CLOCK_REALTIME in us. */
#ifndef SUPPORT_H200_H
#define SUPPORT_H200_H

#include "attribution/attribution.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define H200_MAX_NAMES 256

struct h200 {
	struct jm_channel channels[2]; /* 0: buffer of the driver; 1: energy counter, the same another way */
	struct jm_sample *samples[2];
	const struct jm_sample *lists[2];
	size_t counts[2];
	struct jm_name names[H200_MAX_NAMES];
	size_t n_names;
	struct jm_span *spans;
	char (*stages)[8]; /* of each span; empty: none */
	size_t n_spans;
};

/* Gives the folder of the shared data, or NULL when it is not there. */
static inline const char *shared_data(char *out, size_t size, const char *folder)
{
	const char *given = getenv("JM_SHARED");
	char probe[600];
	FILE *f;

	snprintf(out, size, "%s/%s", given ? given : JM_SOURCE_DIR "/../shared/data", folder);
	snprintf(probe, sizeof(probe), "%s/.", out);
	f = fopen(probe, "r");
	if (!f) {
		snprintf(out, size, "%s/%s", JM_SOURCE_DIR "/../../shared/data", folder);
		snprintf(probe, sizeof(probe), "%s/.", out);
		f = fopen(probe, "r");
	}
	if (f)
		fclose(f);
	return f ? out : NULL;
}

static inline int64_t h200_ns(const char *text)
{
	char *end;
	long long us = strtoll(text, &end, 10);
	int64_t ns = us * 1000;

	if (*end == '.')
		ns += (int64_t)(strtod(end, NULL) * 1000 + 0.5);
	return ns;
}

static inline int h200_compare(const void *a, const void *b)
{
	const struct jm_sample *x = a, *y = b;

	return (x->t_ns > y->t_ns) - (x->t_ns < y->t_ns);
}

static inline void h200_power(struct h200 *h, const char *path)
{
	gzFile f = gzopen(path, "rb");
	char line[256], source[16], host[32], driver[32], value[32];
	int c;

	if (!f)
		abort();
	for (c = 0; c < 2; c++) {
		h->samples[c] = calloc(20000, sizeof(struct jm_sample));
		if (!h->samples[c])
			abort();
	}
	while (gzgets(f, line, sizeof(line))) {
		struct jm_sample s = {0};

		if (sscanf(line, "%15[^,],%31[^,],%31[^,],%31s", source, host, driver, value) != 4)
			continue;
		c = strcmp(source, "ring") == 0 ? 0 : strcmp(source, "energy") == 0 ? 1 : -1;
		if (c < 0)
			continue;
		s.t_ns = h200_ns(c == 0 ? driver : host);
		s.value = strtoll(value, NULL, 10) * 1000; /* mW to uW, mJ to uJ */
		h->samples[c][h->counts[c]++] = s;
	}
	gzclose(f);
	for (c = 0; c < 2; c++) {
		qsort(h->samples[c], h->counts[c], sizeof(struct jm_sample), h200_compare);
		h->lists[c] = h->samples[c];
	}
	jm_channel_init(&h->channels[0], "nvml/0/buffer");
	jm_channel_init(&h->channels[1], "nvml/0/energy");
	h->channels[1].quantity = JM_QUANTITY_ENERGY;
	h->channels[1].kind = JM_KIND_COUNTER;
	h->channels[1].same_as = 0;
}

static inline uint32_t h200_name(struct h200 *h, const char *text)
{
	size_t i;

	for (i = 0; i < h->n_names; i++) {
		if (strcmp(h->names[i].text, text) == 0)
			return (uint32_t)i;
	}
	if (h->n_names == H200_MAX_NAMES)
		abort();
	h->names[h->n_names] = (struct jm_name){.text = strdup(text), .type = ""};
	return (uint32_t)h->n_names++;
}

static inline void h200_add(struct h200 *h, const char *stage, const char *iteration, const char *name,
			    const char *start, const char *end)
{
	struct jm_span *s;

	if (h->n_spans % 65536 == 0) {
		h->spans = realloc(h->spans, (h->n_spans + 65536) * sizeof(*h->spans));
		h->stages = realloc(h->stages, (h->n_spans + 65536) * sizeof(*h->stages));
		if (!h->spans || !h->stages)
			abort();
	}
	s = &h->spans[h->n_spans];
	memset(s, 0, sizeof(*s));
	snprintf(h->stages[h->n_spans], sizeof(h->stages[0]), "%s", stage);
	s->start_ns = h200_ns(start);
	s->end_ns = h200_ns(end);
	s->name = h200_name(h, name);
	s->iteration = (uint32_t)strtol(iteration, NULL, 10);
	s->kind = JM_SPAN_LAYER;
	h->n_spans++;
}

/* Lines "name,start,end" or "stage,iteration,name,start,end". */
static inline void h200_spans(struct h200 *h, const char *path)
{
	gzFile f = gzopen(path, "rb");
	char line[512], a[32], b[32], name[160], c[40], d[40];

	if (!f)
		abort();
	while (gzgets(f, line, sizeof(line))) {
		if (sscanf(line, "%31[^,],%31[^,],%159[^,],%39[^,],%39s", a, b, name, c, d) == 5 &&
		    strcmp(a, "anchor") != 0 && strcmp(a, "stage") != 0)
			h200_add(h, a, b, name, c, d);
		else if (sscanf(line, "%159[^,],%39[^,],%39s", name, c, d) == 3 && strchr(d, ',') == NULL)
			h200_add(h, "", "0", name, c, d);
	}
	gzclose(f);
}

static inline const struct jm_span *h200_find(const struct h200 *h, const char *stage, const char *name)
{
	size_t i;

	for (i = 0; i < h->n_spans; i++) {
		if (strcmp(h->names[h->spans[i].name].text, name) == 0 && strcmp(h->stages[i], stage) == 0)
			return &h->spans[i];
	}
	return NULL;
}

/* Mean of the buffer between two times, W. */
static inline double h200_mean(const struct h200 *h, int64_t from_ns, int64_t to_ns)
{
	double sum = 0;
	size_t i, n = 0;

	for (i = 0; i < h->counts[0]; i++) {
		if (h->samples[0][i].t_ns > from_ns && h->samples[0][i].t_ns < to_ns) {
			sum += 1e-6 * (double)h->samples[0][i].value;
			n++;
		}
	}
	return n ? sum / (double)n : 0;
}

static inline void h200_finish(struct h200 *h)
{
	size_t i;

	for (i = 0; i < h->n_names; i++)
		free(h->names[i].text);
	free(h->samples[0]);
	free(h->samples[1]);
	free(h->spans);
	free(h->stages);
	memset(h, 0, sizeof(*h));
}

#endif
