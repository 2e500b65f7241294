/* Rows to CSV text and into the file. Shortest digits of a double and the copy into the page cache take longer than all
 * the mapping, so a second thread shares them: rows are gathered in blocks, the caller formats the first part of a block,
 * the worker the rest, and the worker writes both. Two blocks take turns. */
#define _GNU_SOURCE
#include "core/error.h"
#include "core/text.h"
#include "trace/map_internal.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TEXT_BYTES ((size_t)1 << 20)
#define MAX_ROWS   ((size_t)8192)
/* The three numbers, the cycle, commas and the line's end. */
#define NUMBER_BYTES ((size_t)160)
/* Share of a block that the caller formats: the worker has the writing besides. */
#define OWN_SHARE 0.6

/* Fixed text of a row of one layer: ",name,type,". */
struct prefix {
	char *text;
	size_t n;
};

struct row {
	uint32_t layer, cycle;
	double power_uw, excluding_uw;
};

struct block {
	struct row *rows;
	size_t n_rows, n_own; /* n_own: rows formatted by the caller */
	char *text[2];        /* TEXT_BYTES each: the caller's and the worker's */
	size_t n_text[2];
	bool is_full; /* lock: handed to the worker, and not yet written */
};

struct jm_map_out {
	const struct jm_map_layers *layers;
	struct prefix *prefixes;
	size_t rows_per_block;
	struct block blocks[2];
	int current; /* block that the caller fills */
	int fd;
	bool has_worker;
	pthread_t worker;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool is_ended; /* lock: no more blocks come */
	int failed;    /* lock: errno of the first write that failed */
};

static char *put_unsigned(char *at, uint64_t value)
{
	char digits[20];
	int n = 0;

	do
		digits[n++] = (char)('0' + value % 10);
	while (value /= 10);
	while (n > 0)
		*at++ = digits[--n];
	return at;
}

static char *put_row(const struct jm_map_out *o, const struct row *row, char *at)
{
	const struct prefix *prefix = &o->prefixes[row->layer];
	double duration_ms = o->layers->items[row->layer].duration_ms[row->cycle];

	at = put_unsigned(at, (uint64_t)row->cycle + 1);
	memcpy(at, prefix->text, prefix->n);
	at += prefix->n;
	if (!isnan(row->power_uw))
		at += jm_text_shortest(row->power_uw, at);
	*at++ = ',';
	if (!isnan(row->excluding_uw))
		at += jm_text_shortest(row->excluding_uw, at);
	*at++ = ',';
	if (o->layers->is_integral)
		at = put_unsigned(at, (uint64_t)duration_ms);
	else
		at += jm_text_shortest(duration_ms, at);
	*at++ = '\n';
	return at;
}

static size_t format(const struct jm_map_out *o, const struct row *rows, size_t n, char *text)
{
	char *at = text;
	size_t i;

	for (i = 0; i < n; i++)
		at = put_row(o, &rows[i], at);
	return (size_t)(at - text);
}

static int write_all(int fd, const char *text, size_t n)
{
	while (n > 0) {
		ssize_t written = write(fd, text, n);

		if (written < 0 && errno != EINTR)
			return errno;
		if (written > 0) {
			text += written;
			n -= (size_t)written;
		}
	}
	return 0;
}

/* Formats what the caller left and writes the block. Gives errno or 0. */
static int finish_block(const struct jm_map_out *o, struct block *b)
{
	int rc;

	b->n_text[1] = format(o, b->rows + b->n_own, b->n_rows - b->n_own, b->text[1]);
	rc = write_all(o->fd, b->text[0], b->n_text[0]);
	return rc ? rc : write_all(o->fd, b->text[1], b->n_text[1]);
}

static void *work(void *ctx)
{
	struct jm_map_out *o = ctx;
	int next = 0, rc = 0;

	pthread_mutex_lock(&o->lock);
	for (;; next = 1 - next) {
		struct block *b = &o->blocks[next];

		while (!b->is_full && !o->is_ended)
			pthread_cond_wait(&o->changed, &o->lock);
		if (!b->is_full)
			break;
		pthread_mutex_unlock(&o->lock);
		if (!rc)
			rc = finish_block(o, b);
		pthread_mutex_lock(&o->lock);
		o->failed = rc;
		b->is_full = false;
		pthread_cond_broadcast(&o->changed);
	}
	pthread_mutex_unlock(&o->lock);
	return NULL;
}

/* Passes the current block on and turns to the other one, once that is free. */
static void hand_on(struct jm_map_out *o)
{
	struct block *b = &o->blocks[o->current];

	b->n_own = o->has_worker ? (size_t)(OWN_SHARE * (double)b->n_rows) : b->n_rows;
	b->n_text[0] = format(o, b->rows, b->n_own, b->text[0]);
	if (!o->has_worker) {
		if (!o->failed)
			o->failed = finish_block(o, b);
		b->n_rows = 0;
		return;
	}
	pthread_mutex_lock(&o->lock);
	b->is_full = true;
	pthread_cond_broadcast(&o->changed);
	o->current = 1 - o->current;
	while (o->blocks[o->current].is_full)
		pthread_cond_wait(&o->changed, &o->lock);
	pthread_mutex_unlock(&o->lock);
	o->blocks[o->current].n_rows = 0;
}

void jm_map_out_row(struct jm_map_out *o, size_t layer, size_t cycle, double power_uw, double excluding_uw)
{
	struct block *b = &o->blocks[o->current];

	b->rows[b->n_rows++] = (struct row){(uint32_t)layer, (uint32_t)cycle, power_uw, excluding_uw};
	if (b->n_rows == o->rows_per_block)
		hand_on(o);
}

static void destroy(struct jm_map_out *o)
{
	size_t i;

	for (i = 0; o->prefixes && i < o->layers->n; i++)
		free(o->prefixes[i].text);
	free(o->prefixes);
	for (i = 0; i < 2; i++) {
		free(o->blocks[i].rows);
		free(o->blocks[i].text[0]);
		free(o->blocks[i].text[1]);
	}
	pthread_mutex_destroy(&o->lock);
	pthread_cond_destroy(&o->changed);
	free(o);
}

static int make_prefixes(struct jm_map_out *o)
{
	size_t longest = 0, i;

	o->prefixes = calloc(o->layers->n + 1, sizeof(*o->prefixes));
	if (!o->prefixes)
		return JM_E_NOMEM;
	for (i = 0; i < o->layers->n; i++) {
		struct jm_buffer text = {0};

		jm_buffer_puts(&text, ",");
		jm_buffer_csv(&text, o->layers->items[i].name);
		jm_buffer_puts(&text, ",");
		jm_buffer_csv(&text, o->layers->items[i].type);
		jm_buffer_puts(&text, ",");
		o->prefixes[i].text = jm_buffer_terminate(&text);
		o->prefixes[i].n = text.n;
		if (!o->prefixes[i].text)
			return JM_E_NOMEM;
		longest = text.n > longest ? text.n : longest;
	}
	o->rows_per_block = TEXT_BYTES / (longest + NUMBER_BYTES);
	if (o->rows_per_block > MAX_ROWS)
		o->rows_per_block = MAX_ROWS;
	return o->rows_per_block > 0 ? 0 : JM_E_FORMAT;
}

int jm_map_out_open(int fd, const struct jm_map_layers *layers, struct jm_map_out **out, struct jm_error *err)
{
	struct jm_map_out *o = calloc(1, sizeof(*o));
	int rc, i;

	if (!o)
		return jm_error_set(err, JM_E_NOMEM, "out of memory");
	o->fd = fd;
	o->layers = layers;
	pthread_mutex_init(&o->lock, NULL);
	pthread_cond_init(&o->changed, NULL);
	rc = make_prefixes(o);
	for (i = 0; i < 2 && !rc; i++) {
		struct block *b = &o->blocks[i];

		b->rows = malloc(o->rows_per_block * sizeof(*b->rows));
		b->text[0] = malloc(TEXT_BYTES);
		b->text[1] = malloc(TEXT_BYTES);
		if (!b->rows || !b->text[0] || !b->text[1])
			rc = JM_E_NOMEM;
	}
	if (rc) {
		destroy(o);
		return jm_error_set(err, rc, rc == JM_E_FORMAT ? "a layer's name is a megabyte long" : "out of memory");
	}
	o->has_worker = pthread_create(&o->worker, NULL, work, o) == 0; /* without one it only takes longer */
	*out = o;
	return 0;
}

int jm_map_out_close(struct jm_map_out *o)
{
	int failed;

	if (!o)
		return 0;
	if (o->blocks[o->current].n_rows > 0)
		hand_on(o);
	if (o->has_worker) {
		pthread_mutex_lock(&o->lock);
		o->is_ended = true;
		pthread_cond_broadcast(&o->changed);
		pthread_mutex_unlock(&o->lock);
		pthread_join(o->worker, NULL);
	}
	failed = o->failed;
	destroy(o);
	return failed;
}
