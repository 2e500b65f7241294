/* Rows to CSV text and into the file, in blocks of rows that go round. The caller fills them; a worker writes them in
 * order. The numbers are formatted by whoever has the time: a block that the worker waits for is left to it, else the
 * caller formats it before. */
#define _GNU_SOURCE
#include "core/error.h"
#include "core/file.h"
#include "core/text.h"
#include "trace/map_internal.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_BYTES ((size_t)512 << 10)
#define MAX_ROWS   ((size_t)4096)
#define N_BLOCKS   4
/* The three numbers, the cycle, commas and the line's end. */
#define NUMBER_BYTES ((size_t)160)

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
	size_t n_rows;
	char *text; /* TEXT_BYTES */
	size_t n_text;
	bool is_formatted;
};

struct jm_map_out {
	const struct jm_map_layers *layers;
	struct prefix *prefixes;
	size_t rows_per_block;
	struct block blocks[N_BLOCKS];
	size_t current; /* block that the caller fills */
	int fd;
	bool has_worker;
	pthread_t worker;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	size_t n_waiting; /* lock: blocks handed on, and not yet written; the worker has the oldest in hand */
	bool is_ended;    /* lock: no more blocks come */
	int failed;       /* lock: errno of the first write that failed */
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

/* A power and its text; rows between two readings share them. */
struct memo {
	double value;
	char text[32];
	size_t n;
};

static char *put_power(struct memo *m, double value, char *at)
{
	if (isnan(value))
		return at;
	if (value != m->value || value == 0) { /* -0.0 has a text of its own */
		m->n = jm_text_shortest(value, m->text);
		m->value = value;
	}
	memcpy(at, m->text, sizeof(m->text));
	return at + m->n;
}

static char *put_row(const struct jm_map_out *o, const struct row *row, struct memo memos[2], char *at)
{
	const struct prefix *prefix = &o->prefixes[row->layer];
	const struct jm_map_entry *entry = &o->layers->items[row->layer].entries[row->cycle];

	at = put_unsigned(at, (uint64_t)row->cycle + 1);
	memcpy(at, prefix->text, prefix->n);
	at = put_power(&memos[0], row->power_uw, at + prefix->n);
	*at++ = ',';
	at = put_power(&memos[1], row->excluding_uw, at);
	*at++ = ',';
	if (o->layers->is_integral)
		at = put_unsigned(at, (uint64_t)entry->duration_ms);
	else if (entry->duration)
		at += jm_decimal_write(entry->duration, at);
	else
		at += jm_text_shortest(entry->duration_ms, at);
	*at++ = '\n';
	return at;
}

static void format(const struct jm_map_out *o, struct block *b)
{
	struct memo memos[2] = {{.value = NAN}, {.value = NAN}};
	char *at = b->text;
	size_t i;

	for (i = 0; i < b->n_rows; i++)
		at = put_row(o, &b->rows[i], memos, at);
	b->n_text = (size_t)(at - b->text);
	b->is_formatted = true;
}

/* Gives errno or 0. */
static int finish_block(const struct jm_map_out *o, struct block *b)
{
	if (!b->is_formatted)
		format(o, b);
	return jm_file_put(o->fd, b->text, b->n_text) ? errno : 0;
}

static void *work(void *ctx)
{
	struct jm_map_out *o = ctx;
	size_t next = 0;
	int rc = 0;

	pthread_mutex_lock(&o->lock);
	for (;; next = (next + 1) % N_BLOCKS) {
		while (o->n_waiting == 0 && !o->is_ended)
			pthread_cond_wait(&o->changed, &o->lock);
		if (o->n_waiting == 0)
			break;
		pthread_mutex_unlock(&o->lock);
		if (!rc)
			rc = finish_block(o, &o->blocks[next]);
		pthread_mutex_lock(&o->lock);
		o->failed = rc;
		o->n_waiting--;
		pthread_cond_broadcast(&o->changed);
	}
	pthread_mutex_unlock(&o->lock);
	return NULL;
}

/* Passes the current block on and turns to the next one, once that is free. */
static void hand_on(struct jm_map_out *o)
{
	struct block *b = &o->blocks[o->current];
	bool is_worker_free;

	b->is_formatted = false;
	if (!o->has_worker) {
		if (!o->failed)
			o->failed = finish_block(o, b);
		b->n_rows = 0;
		return;
	}
	pthread_mutex_lock(&o->lock);
	is_worker_free = o->n_waiting == 0;
	pthread_mutex_unlock(&o->lock);
	if (!is_worker_free)
		format(o, b);
	pthread_mutex_lock(&o->lock);
	o->n_waiting++;
	pthread_cond_broadcast(&o->changed);
	while (o->n_waiting == N_BLOCKS)
		pthread_cond_wait(&o->changed, &o->lock);
	pthread_mutex_unlock(&o->lock);
	o->current = (o->current + 1) % N_BLOCKS;
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
	for (i = 0; i < N_BLOCKS; i++) {
		free(o->blocks[i].rows);
		free(o->blocks[i].text);
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
	for (i = 0; i < N_BLOCKS && !rc; i++) {
		struct block *b = &o->blocks[i];

		b->rows = malloc(o->rows_per_block * sizeof(*b->rows));
		b->text = malloc(TEXT_BYTES);
		if (!b->rows || !b->text)
			rc = JM_E_NOMEM;
	}
	if (rc) {
		destroy(o);
		return jm_error_set(err, rc,
				    rc == JM_E_FORMAT ? "a layer's name is half a megabyte long" : "out of memory");
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
