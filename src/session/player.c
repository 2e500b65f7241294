#include "session/player.h"

#include "core/error.h"
#include "core/units.h"

#include <string.h>

/* Progress is told, and a wish to stop heard, this often. */
#define LOOK_NS (50 * JM_NS_PER_MS)
/* What set() needs to meet its start sharply. */
#define AHEAD_NS (2 * JM_NS_PER_MS)

static int tell(jm_progress_fn progress, void *ctx, const struct jm_load_piece *pieces, size_t n, int64_t now)
{
	static const char *const texts[] = {"steps", "random bits", "short bits", "stairs", "steady", "locked"};
	int64_t from = pieces[0].start_ns, to = pieces[n - 1].end_ns;
	size_t low = 0, high = n;

	if (!progress)
		return 0;
	now = now < from ? from : now > to ? to : now;
	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;

		if (pieces[middle].start_ns <= now)
			low = middle;
		else
			high = middle;
	}
	/* Tenths of a second. */
	return progress(ctx, texts[pieces[low].stage], (uint64_t)(now - from) / 100000000,
			(uint64_t)(to - from) / 100000000);
}

struct playing {
	struct jm_player *player;
	struct jm_load_piece *pieces;
	size_t n, i; /* i: the piece that plays, plus one */
	jm_progress_fn progress;
	void *ctx;
	int64_t told_ns;
};

/* Waits until t_ns, keeps the load up, tells progress. */
static int wait_until(struct playing *w, int64_t t_ns, struct jm_error *err)
{
	struct jm_player *p = w->player;
	int64_t now;
	int rc;

	while ((now = jm_env_now(p->env)) < t_ns) {
		if (now - w->told_ns >= LOOK_NS) {
			w->told_ns = now;
			if (tell(w->progress, w->ctx, w->pieces, w->n, now))
				return jm_error_set(err, JM_E_CANCELLED, "the calibration was stopped");
			rc = p->ops->hold && w->i ? p->ops->hold(p, w->pieces, w->i - 1, err) : 0;
			if (rc)
				return rc;
		}
		p->env->sleep_until_ns(p->env->ctx, t_ns - now > LOOK_NS ? now + LOOK_NS : t_ns);
	}
	return 0;
}

int jm_player_play(struct jm_player *p, struct jm_load_piece *pieces, size_t n, jm_progress_fn progress, void *ctx,
		   size_t *n_played_out, struct jm_error *err)
{
	struct playing w = {.player = p, .pieces = pieces, .n = n, .progress = progress, .ctx = ctx};
	struct jm_error ending = {0};
	int rc = p->ops->begin ? p->ops->begin(p, pieces, n, err) : 0, rc_end;

	while (rc == 0 && w.i < n) {
		rc = wait_until(&w, pieces[w.i].start_ns - AHEAD_NS, err);
		rc = rc ? rc : p->ops->set(p, pieces, w.i, err);
		w.i += rc == 0;
	}
	if (rc == 0)
		rc = wait_until(&w, pieces[n - 1].end_ns, err);
	/* The piece that played when it was stopped is not whole. */
	*n_played_out = rc && w.i ? w.i - 1 : w.i;
	rc_end = p->ops->end(p, pieces, *n_played_out, &ending);
	if (rc == 0 && rc_end) {
		rc = rc_end;
		if (err)
			*err = ending;
	}
	return rc;
}

void jm_player_finish(struct jm_player *p)
{
	if (p->ops)
		p->ops->destroy(p);
	memset(p, 0, sizeof(*p));
}
