/* A wall clock that steps, for programs that load this before all else: LD_PRELOAD. CLOCK_STEPS is "MILLISECONDS:SECONDS,...": so long after
 * the program's first look at any clock, CLOCK_REALTIME is off by so much. The other clocks stay as they are. */
#define _GNU_SOURCE
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define EXPORTED __attribute__((visibility("default")))

EXPORTED int clock_gettime(clockid_t clock, struct timespec *out);
EXPORTED time_t time(time_t *out);

static int64_t offset_s(void)
{
	static _Atomic int64_t first_ns;
	const char *at = getenv("CLOCK_STEPS");
	int64_t offset = 0, now_ns, none = 0;
	struct timespec now;
	char *end;

	syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &now);
	now_ns = now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
	if (!atomic_compare_exchange_strong(&first_ns, &none, now_ns))
		now_ns -= none;
	else
		now_ns = 0;
	while (at && *at) {
		int64_t after_ms = strtoll(at, &end, 10), by_s = *end == ':' ? strtoll(end + 1, &end, 10) : 0;

		if (now_ns >= after_ms * 1000000)
			offset = by_s;
		at = *end == ',' ? end + 1 : NULL;
	}
	return offset;
}

int clock_gettime(clockid_t clock, struct timespec *out)
{
	long rc = syscall(SYS_clock_gettime, clock, out);

	if (rc == 0 && clock == CLOCK_REALTIME)
		out->tv_sec += offset_s();
	return (int)rc;
}

time_t time(time_t *out)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	if (out)
		*out = now.tv_sec;
	return now.tv_sec;
}
