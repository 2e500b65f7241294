/* The loop: ticks of the library when due, screens when due, keys and signals in between. */
#define _GNU_SOURCE
#include "top/top.h"

#include "core/error.h"
#include "core/units.h"
#include "top/screen.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

struct loop {
	const struct jm_top_options *options;
	FILE *to;
	struct jm_live *live;
	struct jm_screen *screen; /* NULL: plain lines */
	struct jm_top top;
	struct jm_top_lines lines;
	int signals; /* a signalfd */
	int64_t due_ns;
	uint64_t n_shown;
	int signal;
	bool is_over;
};

static void fill(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGHUP);
	sigaddset(set, SIGQUIT);
	sigaddset(set, SIGWINCH);
}

void jm_top_block_signals(void)
{
	sigset_t set;

	fill(&set);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
}

static int show(struct loop *l)
{
	struct jm_top_size size = {.columns = l->options->width, .is_utf8 = true, .n_processes = l->options->n_rows};
	size_t i;
	int rc;

	if (l->screen)
		jm_screen_size(l->screen, &size);
	rc = jm_top_view(&l->top, &size, &l->lines);
	if (rc)
		return rc;
	if (l->screen) {
		jm_screen_draw(l->screen, &l->lines);
		return 0;
	}
	for (i = 0; i < l->lines.n; i++)
		fprintf(l->to, "%s\n", l->lines.items[i].text);
	fputs("\n", l->to);
	if (fflush(l->to))
		l->is_over = true; /* the reader has gone */
	return 0;
}

/* A screen's worth of readings has come. */
static int update(struct loop *l, struct jm_error *err)
{
	bool is_first = l->top.n_updates == 0;
	int rc = l->top.is_paused ? 0 : jm_top_update(&l->top, l->live);

	if (rc == 0 && (l->screen || !is_first)) /* plain lines wait for the first power */
		rc = show(l);
	l->n_shown += !is_first;
	l->is_over = l->is_over || (l->options->n_updates && l->n_shown >= l->options->n_updates);
	return rc ? jm_error_set(err, rc, "out of memory for the screen") : 0;
}

static int take_keys(struct loop *l)
{
	bool is_any = false;
	int key;

	while (l->screen && !l->is_over && (key = jm_screen_key(l->screen)) != JM_KEY_NONE) {
		l->is_over = !jm_top_key(&l->top, key, l->lines.n_rows);
		is_any = true;
	}
	return is_any && !l->is_over ? show(l) : 0;
}

static int take_signals(struct loop *l)
{
	struct signalfd_siginfo info;

	if (read(l->signals, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return 0;
	if (info.ssi_signo == SIGWINCH) {
		if (!l->screen)
			return 0;
		jm_screen_resize(l->screen);
		return show(l);
	}
	l->signal = (int)info.ssi_signo;
	l->is_over = true;
	return 0;
}

/* Waits until something is due or came. */
static int wait(struct loop *l, struct jm_error *err)
{
	struct pollfd polled[] = {{.fd = l->signals, .events = POLLIN},
				  {.fd = l->screen ? STDIN_FILENO : -1, .events = POLLIN}};
	int64_t tick_ns = jm_live_due_ns(l->live), until_ns = tick_ns < l->due_ns ? tick_ns : l->due_ns;
	int64_t rest_ns = until_ns - jm_now_ns();
	int n = poll(polled, 2, rest_ns > 0 ? (int)((rest_ns + JM_NS_PER_MS - 1) / JM_NS_PER_MS) : 0), rc = 0;

	if (n < 0 && errno != EINTR)
		return jm_error_set(err, JM_E_IO, "cannot wait for the terminal: %s", strerror(errno));
	if (n > 0 && polled[0].revents)
		rc = take_signals(l);
	/* A terminal that went away is always ready and gives nothing. */
	if (n > 0 && (polled[1].revents & (POLLHUP | POLLERR | POLLNVAL)))
		l->is_over = true;
	else if (rc == 0 && (n < 0 || polled[1].revents)) /* a resize may come as a key */
		rc = take_keys(l);
	return rc ? jm_error_set(err, rc, "out of memory for the screen") : 0;
}

static int loop(struct loop *l, struct jm_error *err)
{
	int rc = jm_live_pace(l->live, l->options->period_ns, err);

	l->due_ns = jm_now_ns();
	while (rc == 0 && !l->is_over) {
		int64_t now_ns = jm_now_ns();

		if (now_ns >= jm_live_due_ns(l->live))
			rc = jm_live_tick(l->live, err);
		if (rc == 0 && now_ns >= l->due_ns) {
			rc = l->top.n_updates ? 0 : jm_live_refresh(l->live, 0, err);
			rc = rc ? rc : update(l, err);
			l->due_ns += l->options->delay_ns;
			if (l->due_ns < now_ns)
				l->due_ns = now_ns + l->options->delay_ns;
		}
		if (rc == 0 && !l->is_over)
			rc = wait(l, err);
	}
	return rc;
}

static int open_all(struct loop *l, struct jm_error *err)
{
	struct jm_live_options live = {.size = sizeof(live), .sensors = l->options->sensors, .watches_all = true};
	sigset_t set;
	int rc;

	fill(&set);
	l->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (l->signals < 0)
		return jm_error_set(err, JM_E_IO, "cannot wait for signals: %s", strerror(errno));
	rc = jm_live_open(&live, &l->live, err);
	if (rc == 0 && !l->options->is_plain)
		rc = jm_screen_open(l->options->is_colour, &l->screen, err);
	return rc;
}

int jm_top_run(const struct jm_top_options *options, FILE *to, int *signal_out, struct jm_error *err)
{
	struct loop l = {.options = options, .to = to, .signals = -1};
	int rc;

	l.top.sort = options->sort;
	rc = open_all(&l, err);
	if (rc == 0)
		rc = loop(&l, err);
	jm_screen_close(l.screen); /* before anything is said of it */
	jm_live_close(l.live);
	jm_top_lines_finish(&l.lines);
	jm_top_finish(&l.top);
	if (l.signals >= 0)
		close(l.signals);
	*signal_out = l.signal;
	return rc;
}
