#define _GNU_SOURCE
#include "activity_file.h"

#include "encode.h"
#include "trace/cuda_activity.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HELD_BYTES (1u << 18)
/* CUPTI gives every record of a kernel the same pointer: mostly one look here and one comparison find its name. */
#define RECENT_NAMES 1024

struct name {
	char *text;
	uint64_t hash;
};

struct recent {
	const char *pointer;
	uint32_t id;
};

struct activity_file {
	pthread_mutex_t lock; /* of all below */
	int fd;
	size_t n_held;
	struct name *names; /* id - 1 */
	uint32_t n_names, names_capacity;
	uint32_t *buckets; /* open addressing: ids, 0 free */
	uint32_t n_buckets;
	struct recent recent[RECENT_NAMES];
	_Atomic bool is_failed;
	uint8_t held[HELD_BYTES];
};

/* lock is held. */
static void write_out(struct activity_file *f)
{
	size_t done = 0;

	while (f->fd >= 0 && done < f->n_held && !f->is_failed) {
		ssize_t n = write(f->fd, f->held + done, f->n_held - done);

		if (n > 0)
			done += (size_t)n;
		else if (n == 0 || errno != EINTR)
			f->is_failed = true;
	}
	f->n_held = 0;
}

static void append_locked(struct activity_file *f, const void *bytes, size_t n)
{
	const uint8_t *from = bytes;

	while (n && f->fd >= 0) {
		size_t room = HELD_BYTES - f->n_held, part = n < room ? n : room;

		memcpy(f->held + f->n_held, from, part);
		f->n_held += part;
		from += part;
		n -= part;
		if (f->n_held == HELD_BYTES)
			write_out(f);
	}
}

static void append_text_locked(struct activity_file *f, unsigned type, uint32_t number, const char *text, size_t n)
{
	static const uint8_t zeros[8];
	uint8_t head[JM_ACTIVITY_AT_TEXT];
	size_t whole;

	n = n < JM_ACTIVITY_TEXT_MAX ? n : JM_ACTIVITY_TEXT_MAX;
	whole = (JM_ACTIVITY_AT_TEXT + n + 7) / 8 * 8;
	put_u16(head, type);
	put_u16(head + 2, (unsigned)whole);
	put_u32(head + 4, number);
	put_u32(head + 8, (uint32_t)n);
	append_locked(f, head, sizeof(head));
	append_locked(f, text, n);
	append_locked(f, zeros, whole - JM_ACTIVITY_AT_TEXT - n);
}

static void append_header(struct activity_file *f)
{
	uint8_t header[JM_ACTIVITY_HEADER_BYTES] = JM_ACTIVITY_MAGIC;

	put_u32(header + JM_ACTIVITY_AT_VERSION, JM_ACTIVITY_VERSION);
	put_u32(header + JM_ACTIVITY_AT_HEADER_BYTES, JM_ACTIVITY_HEADER_BYTES);
	put_u32(header + JM_ACTIVITY_AT_PID, (uint32_t)getpid());
	put_u64(header + JM_ACTIVITY_AT_MONOTONIC, clock_ns(CLOCK_MONOTONIC));
	put_u64(header + JM_ACTIVITY_AT_REALTIME, clock_ns(CLOCK_REALTIME));
	append_locked(f, header, sizeof(header));
	write_out(f);
}

struct activity_file *jm_activity_create(void)
{
	struct activity_file *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	f->fd = -1;
	pthread_mutex_init(&f->lock, NULL);
	return f;
}

/* Gives a descriptor, or -1 with errno. */
static int create_in(const char *folder)
{
	char path[4096];
	int number, fd = -1;

	/* Programs in other PID namespaces (containers) can have our number. */
	for (number = 1; number < 10000; number++) {
		int n = snprintf(path, sizeof(path), "%s/%ld-%d.jmca", folder, (long)getpid(), number);

		if (n >= (int)sizeof(path)) {
			errno = ENAMETOOLONG;
			return -1;
		}
		fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600);
		if (fd >= 0 || errno != EEXIST)
			return fd;
	}
	return fd;
}

bool jm_activity_open(struct activity_file *f, const char *folder)
{
	pthread_mutex_lock(&f->lock);
	f->fd = create_in(folder);
	f->is_failed = false;
	if (f->fd >= 0)
		append_header(f);
	pthread_mutex_unlock(&f->lock);
	return f->fd >= 0;
}

void jm_activity_abandon(struct activity_file *f)
{
	/* Another thread of the parent may hold the lock for ever, or have been in the middle of a list. */
	if (f->fd >= 0)
		close(f->fd);
	f->fd = -1;
}

void jm_activity_close(struct activity_file *f)
{
	uint32_t i;

	pthread_mutex_lock(&f->lock);
	write_out(f);
	if (f->fd >= 0)
		close(f->fd);
	f->fd = -1;
	for (i = 0; i < f->n_names; i++)
		free(f->names[i].text);
	free(f->names);
	free(f->buckets);
	f->names = NULL;
	f->buckets = NULL;
	f->n_names = f->names_capacity = f->n_buckets = 0;
	memset(f->recent, 0, sizeof(f->recent));
	pthread_mutex_unlock(&f->lock);
}

void jm_activity_append(struct activity_file *f, const void *records, size_t n)
{
	pthread_mutex_lock(&f->lock);
	append_locked(f, records, n);
	pthread_mutex_unlock(&f->lock);
}

void jm_activity_append_text(struct activity_file *f, unsigned type, uint32_t number, const char *text)
{
	pthread_mutex_lock(&f->lock);
	append_text_locked(f, type, number, text, strlen(text));
	pthread_mutex_unlock(&f->lock);
}

/* FNV-1a. */
static uint64_t hash_of(const char *text)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (; *text; text++)
		hash = (hash ^ (uint8_t)*text) * UINT64_C(0x100000001b3);
	return hash;
}

static void place(struct activity_file *f, uint32_t id)
{
	uint32_t at = (uint32_t)f->names[id - 1].hash & (f->n_buckets - 1);

	while (f->buckets[at])
		at = (at + 1) & (f->n_buckets - 1);
	f->buckets[at] = id;
}

/* Makes room for one more name. */
static bool grow(struct activity_file *f)
{
	uint32_t capacity = f->names_capacity ? 2 * f->names_capacity : 256, id;
	struct name *names;
	uint32_t *buckets;

	if (f->n_names < f->names_capacity)
		return true;
	names = realloc(f->names, capacity * sizeof(*names));
	if (!names)
		return false;
	f->names = names;
	buckets = calloc((size_t)capacity * 2, sizeof(*buckets));
	if (!buckets)
		return false;
	free(f->buckets);
	f->buckets = buckets;
	f->n_buckets = capacity * 2;
	f->names_capacity = capacity;
	for (id = 1; id <= f->n_names; id++)
		place(f, id);
	return true;
}

static uint32_t find_or_add(struct activity_file *f, const char *name)
{
	uint64_t hash = hash_of(name);
	uint32_t at;

	for (at = (uint32_t)hash; f->n_buckets; at++) {
		uint32_t id = f->buckets[at & (f->n_buckets - 1)];

		if (!id)
			break;
		if (f->names[id - 1].hash == hash && strcmp(f->names[id - 1].text, name) == 0)
			return id;
	}
	if (!grow(f))
		return 0;
	f->names[f->n_names].text = strdup(name);
	if (!f->names[f->n_names].text)
		return 0;
	f->names[f->n_names].hash = hash;
	f->n_names++;
	place(f, f->n_names);
	append_text_locked(f, JM_ACTIVITY_NAME, f->n_names, name, strlen(name));
	return f->n_names;
}

uint32_t jm_activity_name(struct activity_file *f, const char *name)
{
	struct recent *recent = &f->recent[((uintptr_t)name >> 4) % RECENT_NAMES];
	uint32_t id;

	if (!name)
		return 0;
	pthread_mutex_lock(&f->lock);
	if (f->fd < 0) {
		pthread_mutex_unlock(&f->lock);
		return 0;
	}
	/* A pointer can come back with another text, after a module was unloaded. */
	if (recent->pointer != name || strcmp(f->names[recent->id - 1].text, name) != 0) {
		id = find_or_add(f, name);
		if (id)
			*recent = (struct recent){name, id};
	} else {
		id = recent->id;
	}
	pthread_mutex_unlock(&f->lock);
	return id;
}

void jm_activity_flush(struct activity_file *f)
{
	pthread_mutex_lock(&f->lock);
	write_out(f);
	pthread_mutex_unlock(&f->lock);
}

bool jm_activity_is_failed(const struct activity_file *f)
{
	return f->is_failed;
}
