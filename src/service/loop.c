#define _GNU_SOURCE
#include "service/loop.h"

#include "core/error.h"
#include "core/units.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define MEMBERS_MAX 64

struct watched {
	int fd; /* -1: free */
	void (*ready)(void *ctx);
	void *ctx;
};

struct timed {
	int64_t (*due_ns)(void *ctx);
	void (*call)(void *ctx);
	void *ctx;
};

struct jm_loop {
	int epoll_fd, timer_fd;
	struct watched watched[MEMBERS_MAX];
	struct timed timed[MEMBERS_MAX];
	size_t n_timed;
	bool is_stopping;
};

int jm_loop_create(struct jm_loop **out, struct jm_error *err)
{
	struct jm_loop *loop = calloc(1, sizeof(*loop));
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
	size_t i;

	if (!loop)
		return jm_error_set(err, JM_E_NOMEM, "out of memory for the event loop");
	for (i = 0; i < MEMBERS_MAX; i++)
		loop->watched[i].fd = -1;
	loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	loop->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (loop->epoll_fd < 0 || loop->timer_fd < 0 ||
	    epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, loop->timer_fd, &event)) {
		int errno_value = errno;

		jm_loop_destroy(loop);
		return jm_error_errno(err, errno_value, "cannot make the event loop");
	}
	*out = loop;
	return 0;
}

void jm_loop_destroy(struct jm_loop *loop)
{
	if (!loop)
		return;
	if (loop->epoll_fd >= 0)
		close(loop->epoll_fd);
	if (loop->timer_fd >= 0)
		close(loop->timer_fd);
	free(loop);
}

int jm_loop_add(struct jm_loop *loop, int fd, void (*ready)(void *ctx), void *ctx)
{
	struct epoll_event event = {.events = EPOLLIN};
	size_t i;

	for (i = 0; i < MEMBERS_MAX && loop->watched[i].fd >= 0; i++)
		;
	if (i == MEMBERS_MAX)
		return JM_E_NOMEM;
	event.data.ptr = &loop->watched[i];
	if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &event))
		return jm_error_from_errno(errno);
	loop->watched[i] = (struct watched){fd, ready, ctx};
	return 0;
}

void jm_loop_remove(struct jm_loop *loop, int fd)
{
	size_t i;

	for (i = 0; i < MEMBERS_MAX; i++) {
		if (loop->watched[i].fd != fd)
			continue;
		epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
		loop->watched[i].fd = -1;
	}
}

int jm_loop_add_timed(struct jm_loop *loop, int64_t (*due_ns)(void *ctx), void (*call)(void *ctx), void *ctx)
{
	if (loop->n_timed == MEMBERS_MAX)
		return JM_E_NOMEM;
	loop->timed[loop->n_timed++] = (struct timed){due_ns, call, ctx};
	return 0;
}

/* A time that is past makes the timer fire at once; 0 would switch it off. */
static void set_timer(struct jm_loop *loop)
{
	struct itimerspec when = {0};
	int64_t due_ns = INT64_MAX;
	size_t i;

	for (i = 0; i < loop->n_timed; i++) {
		int64_t t_ns = loop->timed[i].due_ns(loop->timed[i].ctx);

		due_ns = t_ns < due_ns ? t_ns : due_ns;
	}
	if (due_ns != INT64_MAX) {
		due_ns = due_ns > 0 ? due_ns : 1;
		when.it_value = (struct timespec){.tv_sec = due_ns / JM_NS_PER_S, .tv_nsec = due_ns % JM_NS_PER_S};
	}
	timerfd_settime(loop->timer_fd, TFD_TIMER_ABSTIME, &when, NULL);
}

static void call_due(struct jm_loop *loop)
{
	size_t i;

	for (i = 0; i < loop->n_timed; i++)
		if (loop->timed[i].due_ns(loop->timed[i].ctx) <= jm_now_ns())
			loop->timed[i].call(loop->timed[i].ctx);
}

int jm_loop_run(struct jm_loop *loop, struct jm_error *err)
{
	struct epoll_event events[16];
	uint64_t n_fired;
	int n, i;

	while (!loop->is_stopping) {
		set_timer(loop);
		n = epoll_wait(loop->epoll_fd, events, 16, -1);
		if (n < 0 && errno != EINTR)
			return jm_error_errno(err, errno, "the event loop cannot wait");
		for (i = 0; i < n; i++) {
			struct watched *w = events[i].data.ptr;

			if (!w && read(loop->timer_fd, &n_fired, sizeof(n_fired)) < 0 && errno != EAGAIN)
				return jm_error_errno(err, errno, "the timer cannot be read");
			/* One that was taken out by another of this round is not called. */
			if (w && w->fd >= 0)
				w->ready(w->ctx);
		}
		call_due(loop);
	}
	return 0;
}

void jm_loop_stop(struct jm_loop *loop)
{
	loop->is_stopping = true;
}
