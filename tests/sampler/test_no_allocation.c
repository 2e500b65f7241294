/* The sampling thread must not allocate: malloc is replaced and counts what that thread asks for. */
#include "sampler/sampler.h"

#include "core/units.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#ifndef __has_feature
#define __has_feature(x) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || __has_feature(address_sanitizer) ||               \
    __has_feature(thread_sanitizer)
#define HAS_OWN_MALLOC 1
#else
#define HAS_OWN_MALLOC 0
#endif

static _Thread_local int is_sampling_thread;
static _Atomic int n_allocations, n_reads;

#if !HAS_OWN_MALLOC
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *p, size_t size);
void *malloc(size_t size);
void *calloc(size_t n, size_t size);
void *realloc(void *p, size_t size);

void *malloc(size_t size)
{
	n_allocations += is_sampling_thread;
	return __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
	n_allocations += is_sampling_thread;
	return __libc_calloc(n, size);
}

void *realloc(void *p, size_t size)
{
	n_allocations += is_sampling_thread;
	return __libc_realloc(p, size);
}
#endif

static int read_one(struct jm_sensor *s, struct jm_sample *out, size_t *n_out)
{
	int64_t now = jm_env_now(s->env);

	is_sampling_thread = 1;
	jm_sample_fill(out, s->first_channel, now, now, ++n_reads);
	*n_out = 1;
	return 0;
}

static void nothing(struct jm_sensor *s)
{
	(void)s;
}

static const struct jm_sensor_driver driver = {.name = "one", .read = read_one, .close = nothing, .destroy = nothing};

static int swallow(void *ctx, const struct jm_sample *samples, size_t n)
{
	(void)ctx;
	(void)samples;
	(void)n;
	return 0;
}

static int count_allocations(void)
{
	struct jm_sampler_options options = {.period_ns = JM_NS_PER_MS, .sink = {swallow, NULL}};
	struct jm_sensor_set set = {0};
	struct jm_sampler *sampler;
	struct jm_env env;

	jm_env_init(&env);
	if (!jm_sensor_set_append(&set, &driver, &env, "one/0") || !jm_sensor_set_channel(&set, "one/0"))
		return 1;
	set.sensors[0].is_open = true;
	if (jm_sampler_create(&env, &set, &options, &sampler, NULL) || jm_sampler_start(sampler, NULL))
		return 1;
	/* Long enough for ledgers to be handed over, too: that is every 500 ms. */
	while (n_reads < 1200)
		if (jm_sampler_drain(sampler))
			return 1;
	jm_sampler_destroy(sampler);
	jm_sensor_set_finish(&set);
	printf("%d readings, %d allocations by the sampling thread\n", n_reads, n_allocations);
	return n_allocations ? 1 : 0;
}

int main(void)
{
	if (!HAS_OWN_MALLOC)
		return count_allocations();
	printf("skipped: a sanitizer has its own malloc\n");
	return 77;
}
