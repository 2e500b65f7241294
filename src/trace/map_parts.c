/* Reads a large trt_layer_latency.json in parts, by two threads. A part is some whole layers; when all parts are accepted
 * the whole is right, too, and the borders were some. Else, and when the file is small, one thread reads it in one. */
#define _GNU_SOURCE
#include "core/error.h"
#include "core/json.h"
#include "trace/map_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Smaller files are read as fast by one thread. */
#define MIN_BYTES ((off_t)4 << 20)
/* More than threads, so that one that is held up, or has other work besides, reads fewer. */
#define MAX_PARTS  8
#define LOOK_BYTES ((size_t)65536)

struct part {
	uint64_t from, to;
	struct jm_map_layers layers;
	int rc;
};

struct jm_map_parts {
	const char *path;
	int fd;
	struct part parts[MAX_PARTS];
	size_t n;
	atomic_size_t next; /* both threads take parts from it */
	pthread_t thread;
	bool has_thread;
};

static void read_part(struct jm_map_parts *p, size_t i)
{
	struct part *part = &p->parts[i];

	part->rc = jm_map_scan(p->fd, part->from, part->to, i == 0, i + 1 == p->n, &part->layers);
}

static void *read_parts(void *ctx)
{
	struct jm_map_parts *p = ctx;
	size_t i;

	while ((i = atomic_fetch_add(&p->next, 1)) < p->n)
		read_part(p, i);
	return NULL;
}

static size_t skip_space(const char *text, size_t at, size_t n)
{
	while (at < n && (text[at] == ' ' || text[at] == '\n' || text[at] == '\r' || text[at] == '\t'))
		at++;
	return at;
}

/* Looks in text for what seems to be the border of two layers: ']', ',' and the quotation mark of a name. */
static bool find_in(const char *text, size_t n, size_t *comma_out, size_t *name_out)
{
	const char *bracket = text;

	for (; (bracket = memchr(bracket, ']', n - (size_t)(bracket - text))); bracket++) {
		*comma_out = skip_space(text, (size_t)(bracket - text) + 1, n);
		if (*comma_out == n || text[*comma_out] != ',')
			continue;
		*name_out = skip_space(text, *comma_out + 1, n);
		if (*name_out < n && text[*name_out] == '"')
			return true;
	}
	return false;
}

/* Looks for a border in [from, to). One that lies across two looks is missed; the next one does as well. */
static bool find_border(int fd, uint64_t from, uint64_t to, uint64_t *comma_out, uint64_t *name_out)
{
	size_t comma, name;
	char text[LOOK_BYTES];
	ssize_t n;

	for (; from < to && (n = pread(fd, text, sizeof(text), (off_t)from)) > 0; from += (uint64_t)n)
		if (find_in(text, (size_t)n, &comma, &name)) {
			*comma_out = from + comma;
			*name_out = from + name;
			return true;
		}
	return false;
}

static void cut(struct jm_map_parts *p, uint64_t size)
{
	uint64_t comma, name, from = 0;
	size_t i;

	for (i = 1; i < MAX_PARTS; i++) {
		uint64_t about = size / MAX_PARTS * i;

		if (about < from || !find_border(p->fd, about, about + size / MAX_PARTS, &comma, &name))
			continue;
		p->parts[p->n++] = (struct part){.from = from, .to = comma};
		from = name;
	}
	p->parts[p->n++] = (struct part){.from = from, .to = UINT64_MAX};
}

int jm_map_parts_start(const char *path, struct jm_map_parts **out, struct jm_error *err)
{
	struct jm_map_parts *p = calloc(1, sizeof(*p));
	off_t size;

	if (!p)
		return jm_error_set(err, JM_E_NOMEM, "out of memory");
	p->path = path;
	p->fd = open(path, O_RDONLY | O_CLOEXEC);
	size = p->fd < 0 ? -1 : lseek(p->fd, 0, SEEK_END);
	if (p->fd < 0) {
		free(p);
		return jm_error_errno(err, errno, "cannot read %s", path);
	}
	if (size >= MIN_BYTES)
		cut(p, (uint64_t)size);
	p->has_thread = p->n > 1 && pthread_create(&p->thread, NULL, read_parts, p) == 0;
	*out = p;
	return 0;
}

/* Reads the file in one, and says what is wrong with it. */
static int read_whole(const struct jm_map_parts *p, struct jm_map_layers *layers, struct jm_error *err)
{
	struct jm_json *json = NULL;
	int rc = jm_json_open_fd(p->path, p->fd, &json, err);

	if (!rc)
		rc = jm_map_latency_read(json, layers, err);
	jm_json_close(json);
	return rc;
}

int jm_map_parts_finish(struct jm_map_parts *p, struct jm_map_layers *layers, struct jm_error *err)
{
	int rc = p->n == 0;
	size_t i;

	read_parts(p);
	if (p->has_thread)
		pthread_join(p->thread, NULL);
	layers->has_stamps = layers->is_integral = true;
	for (i = 0; i < p->n && !rc; i++) {
		rc = p->parts[i].rc;
		if (!rc)
			rc = jm_map_layers_merge(layers, &p->parts[i].layers);
	}
	for (i = 0; i < p->n; i++)
		jm_map_layers_finish(&p->parts[i].layers);
	if (rc) {
		jm_map_layers_finish(layers);
		rc = read_whole(p, layers, err);
	}
	close(p->fd);
	free(p);
	return rc;
}
