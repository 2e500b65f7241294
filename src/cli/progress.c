#define _GNU_SOURCE
#include "cli/progress.h"

#include "cli/cli.h"
#include "core/units.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define WIDTH     30
#define REDRAW_NS (100 * JM_NS_PER_MS)

void jm_progress_init(struct jm_progress *p, bool is_wanted)
{
	memset(p, 0, sizeof(*p));
	p->is_shown = is_wanted && isatty(STDERR_FILENO);
}

/* The signals are blocked (jm_cli_block_signals): one that waits asks to stop. */
static bool is_stop_asked(void)
{
	const struct timespec now = {0, 0};
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	return sigtimedwait(&set, NULL, &now) > 0;
}

static void draw(const char *what, uint64_t done, uint64_t total)
{
	size_t filled = total ? (size_t)((double)done / (double)total * WIDTH + 0.5) : 0, i;

	fprintf(stderr, "\r\033[K%-12s [", what);
	for (i = 0; i < WIDTH; i++)
		fputc(i < filled ? '#' : ' ', stderr);
	fprintf(stderr, "] %llu/%llu", (unsigned long long)done, (unsigned long long)total);
	fflush(stderr);
}

int jm_progress_step(void *ctx, const char *what, uint64_t done, uint64_t total)
{
	struct jm_progress *p = ctx;
	int64_t now = jm_now_ns();

	if (p->is_shown && (now - p->drawn_ns >= REDRAW_NS || done == total || strcmp(what, p->what) != 0)) {
		p->drawn_ns = now;
		snprintf(p->what, sizeof(p->what), "%s", what);
		draw(what, done, total);
	}
	return is_stop_asked();
}

void jm_progress_finish(struct jm_progress *p)
{
	if (p->is_shown)
		fprintf(stderr, "\r\033[K");
}

void jm_progress_tell(void *ctx, const char *text)
{
	jm_progress_finish(ctx);
	jm_cli_line(stderr, "joulemap: %s", text);
}
