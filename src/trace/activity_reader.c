#include "trace/activity_reader.h"

#include "core/error.h"
#include "core/grow.h"
#include "trace/activity_set.h"
#include "trace/cuda_activity.h"
#include "trace/recent_map.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* A damaged file could make any number of them. */
#define NAMES_MAX   (1u << 22)
#define TIME_MAX_NS UINT64_C(3000000000000000000)
/* The writer's enum jm_cuda_status: nothing to tell of. */
#define STATUS_RECORDING 0
#define STATUS_STOPPED   11

/* Work of a device on CUPTI's clock: held back until the clock after it and its launch were read. */
struct work {
	int64_t start_ns, end_ns;
	uint32_t name, track, correlation;
	uint8_t kind;
};

struct jm_activity_reader {
	struct jm_activity_set *set;
	char *path;
	uint64_t at; /* bytes taken */
	uint32_t status;
	bool has_header, has_end;
	char *said;      /* of the last status that is not "recording" */
	uint32_t *texts; /* by the file's ids, from 1 */
	uint32_t n_texts;
	size_t texts_capacity;
	struct jm_activity_tracks tracks;
	struct work *held;
	size_t n_held, n_old, held_capacity; /* the first n_old came before the last reading of the clock */
	struct jm_activity_clock clock;
	struct jm_recent_map ranges;   /* by the file's ids: t_ns begin, a text, b thread */
	struct jm_recent_map launches; /* by correlation: t_ns begin of the range, a text of the range */
	int64_t last_ns;
};

static uint32_t u16_at(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8;
}

static uint32_t u32_at(const uint8_t *p)
{
	return u16_at(p) | u16_at(p + 2) << 16;
}

static uint64_t u64_at(const uint8_t *p)
{
	return u32_at(p) | (uint64_t)u32_at(p + 4) << 32;
}

/* A time: what is beyond the year 2065 is damage, and would overflow a sum. */
static int64_t time_at(const uint8_t *p)
{
	uint64_t value = u64_at(p);

	return value > TIME_MAX_NS ? 0 : (int64_t)value;
}

int jm_activity_reader_create(struct jm_activity_set *set, const char *path, struct jm_activity_reader **out)
{
	struct jm_activity_reader *r = calloc(1, sizeof(*r));

	if (r)
		r->path = malloc(strlen(path) + 1);
	if (!r || !r->path) {
		free(r);
		return JM_E_NOMEM;
	}
	strcpy(r->path, path);
	r->set = r->tracks.set = set;
	*out = r;
	return 0;
}

void jm_activity_reader_destroy(struct jm_activity_reader *r)
{
	if (!r)
		return;
	jm_recent_finish(&r->ranges);
	jm_recent_finish(&r->launches);
	jm_activity_tracks_finish(&r->tracks);
	free(r->texts);
	free(r->held);
	free(r->said);
	free(r->path);
	free(r);
}

static int take_name(struct jm_activity_reader *r, const uint8_t *p, uint32_t n)
{
	uint32_t id = u32_at(p + 4), text;
	int rc;

	/* The writer counts from 1. */
	if (id != r->n_texts + 1 || id > NAMES_MAX)
		return 0;
	if (!jm_grow(&r->texts, &r->texts_capacity, r->n_texts, sizeof(*r->texts)))
		return JM_E_NOMEM;
	rc = jm_activity_text(r->set, (const char *)p + JM_ACTIVITY_AT_TEXT, n, &text);
	if (rc == 0)
		r->texts[r->n_texts++] = text;
	return rc;
}

/* Gives the set's text of a name in the file; unknown where it holds no such name. */
static int text_of(struct jm_activity_reader *r, uint32_t id, const char *unknown, uint32_t *out)
{
	if (id && id <= r->n_texts) {
		*out = r->texts[id - 1];
		return 0;
	}
	return jm_activity_text(r->set, unknown, strlen(unknown), out);
}

/* CUpti_ActivityMemcpyKind. */
static const char *copy_text(uint32_t kind)
{
	static const char *const texts[] = {"memcpy",      "memcpy HtoD", "memcpy DtoH", "memcpy HtoA",
					    "memcpy AtoH", "memcpy AtoA", "memcpy AtoD", "memcpy DtoA",
					    "memcpy DtoD", "memcpy HtoH", "memcpy PtoP"};

	return kind && kind < sizeof(texts) / sizeof(texts[0]) ? texts[kind] : "memcpy of unknown kind";
}

static int name_of(struct jm_activity_reader *r, unsigned type, const uint8_t *p, uint32_t *out)
{
	uint32_t what = u32_at(p + JM_ACTIVITY_AT_WHAT), graph = u32_at(p + JM_ACTIVITY_AT_GRAPH), text;
	int rc;

	if (type != JM_ACTIVITY_KERNEL) {
		*out = jm_activity_copy_name(r->set, type == JM_ACTIVITY_SET ? "memset" : copy_text(what), graph);
		return 0;
	}
	rc = text_of(r, what, "(unnamed kernel)", &text);
	if (rc == 0)
		*out = jm_activity_kernel_name(r->set, text, graph);
	return rc;
}

static int take_work(struct jm_activity_reader *r, unsigned type, const uint8_t *p)
{
	struct work w = {.start_ns = time_at(p + JM_ACTIVITY_AT_START),
			 .end_ns = time_at(p + JM_ACTIVITY_AT_END),
			 .correlation = u32_at(p + JM_ACTIVITY_AT_CORRELATION),
			 .kind = type == JM_ACTIVITY_KERNEL ? JM_SPAN_KERNEL : JM_SPAN_COPY};
	int rc;

	if (w.start_ns == 0 || w.end_ns < w.start_ns) {
		r->set->totals.n_without_time++;
		return 0;
	}
	rc = name_of(r, type, p, &w.name);
	if (rc == 0)
		rc = jm_activity_track(&r->tracks, u32_at(p + JM_ACTIVITY_AT_DEVICE),
				       u32_at(p + JM_ACTIVITY_AT_CONTEXT), u32_at(p + JM_ACTIVITY_AT_STREAM), &w.track);
	if (rc)
		return rc;
	if (!jm_grow(&r->held, &r->held_capacity, r->n_held, sizeof(*r->held)))
		return JM_E_NOMEM;
	r->held[r->n_held++] = w;
	if (type == JM_ACTIVITY_KERNEL)
		r->set->totals.n_kernels++;
	else
		r->set->totals.n_copies++;
	return 0;
}

static void note_ahead(struct jm_activity_reader *r, int64_t ahead_ns)
{
	if (ahead_ns > r->set->totals.ahead_ns)
		r->set->totals.ahead_ns = ahead_ns;
}

static void hand_on(struct jm_activity_reader *r, const struct work *w)
{
	const struct jm_recent_entry *launch = jm_recent_find(&r->launches, (uint64_t)w->correlation + 1);
	struct jm_span span = {.start_ns = jm_activity_clock_tie(&r->clock, w->start_ns),
			       .end_ns = jm_activity_clock_tie(&r->clock, w->end_ns),
			       .name = w->name,
			       .track = w->track,
			       .iteration = JM_NO_ITERATION,
			       .kind = w->kind};

	span.end_ns = span.end_ns < span.start_ns ? span.start_ns : span.end_ns;
	r->last_ns = span.end_ns > r->last_ns ? span.end_ns : r->last_ns;
	jm_emit_span(&r->set->emit, &span);
	if (!launch)
		return;
	/* Nothing runs before it was launched. */
	note_ahead(r, launch->t_ns - span.start_ns);
	r->set->totals.n_in_ranges++;
	span.name = jm_activity_range_name(r->set, launch->a);
	span.kind = JM_SPAN_RANGE;
	span.flags = JM_SPAN_DEVICE;
	jm_emit_span(&r->set->emit, &span);
}

/* Hands on the first n of what is held. */
static void release(struct jm_activity_reader *r, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		hand_on(r, &r->held[i]);
	if (n)
		memmove(r->held, r->held + n, (r->n_held - n) * sizeof(*r->held));
	r->n_held -= n;
}

/* What came before the reading before this one has its launches by now: both are flushed at each reading. */
static void take_clock(struct jm_activity_reader *r, const uint8_t *p)
{
	int64_t after_ns = time_at(p + 24);
	size_t i;

	jm_activity_clock_add(&r->clock, time_at(p + 8), time_at(p + 16), after_ns);
	for (i = r->n_old; i < r->n_held; i++) /* it has ended, or it would not be in the file */
		note_ahead(r, jm_activity_clock_tie(&r->clock, r->held[i].end_ns) - after_ns);
	release(r, r->n_old);
	r->n_old = r->n_held;
}

static int take_range_begin(struct jm_activity_reader *r, const uint8_t *p)
{
	struct jm_recent_entry range = {.key = u64_at(p + 8), .t_ns = time_at(p + 16), .b = u32_at(p + 24)};
	int rc = text_of(r, u32_at(p + 4), "", &range.a);

	r->set->totals.n_ranges++;
	return rc ? rc : jm_recent_put(&r->ranges, &range);
}

static int take_range_end(struct jm_activity_reader *r, const uint8_t *p)
{
	const struct jm_recent_entry *range = jm_recent_find(&r->ranges, u64_at(p + 8));
	struct jm_span span = {.iteration = JM_NO_ITERATION, .kind = JM_SPAN_RANGE};
	int rc;

	if (!range || time_at(p + 16) < range->t_ns)
		return 0;
	rc = jm_activity_track(&r->tracks, JM_ACTIVITY_THREAD, 0, range->b, &span.track);
	if (rc)
		return rc;
	span.start_ns = range->t_ns;
	span.end_ns = time_at(p + 16);
	span.name = jm_activity_range_name(r->set, range->a);
	jm_emit_span(&r->set->emit, &span);
	return 0;
}

static int take_launch(struct jm_activity_reader *r, const uint8_t *p)
{
	const struct jm_recent_entry *range = jm_recent_find(&r->ranges, u64_at(p + 8));

	if (!range)
		return 0;
	return jm_recent_put(&r->launches, &(struct jm_recent_entry){
					       .key = (uint64_t)u32_at(p + 4) + 1, .t_ns = range->t_ns, .a = range->a});
}

static int take_status(struct jm_activity_reader *r, const uint8_t *p, uint32_t n)
{
	r->status = u32_at(p + 4);
	if (r->status == STATUS_RECORDING || r->status == STATUS_STOPPED)
		return 0;
	free(r->said);
	r->said = calloc(1, n + 1);
	if (!r->said)
		return JM_E_NOMEM;
	memcpy(r->said, p + JM_ACTIVITY_AT_TEXT, n);
	return 0;
}

/* Gives the length of a record's text; UINT32_MAX when it does not fit. */
static uint32_t text_length(const uint8_t *p, uint32_t n)
{
	uint32_t length = n >= 16 ? u32_at(p + 8) : UINT32_MAX;

	return length <= n - JM_ACTIVITY_AT_TEXT ? length : UINT32_MAX;
}

static int damaged(const struct jm_activity_reader *r, const char *what, struct jm_error *err)
{
	return jm_error_set(err, JM_E_FORMAT, "%s: %s at byte %" PRIu64, r->path, what, r->at);
}

/* p: a whole record of n bytes. */
static int take(struct jm_activity_reader *r, const uint8_t *p, uint32_t n, struct jm_error *err)
{
#define BYTES_OF(name, type, bytes) [type] = (bytes) ? (bytes) : 16,
	static const uint16_t at_least[] = {JM_ACTIVITY_LIST(BYTES_OF)};
#undef BYTES_OF
	unsigned type = u16_at(p);
	uint32_t length = 0;
	int rc = 0;

	if (type < sizeof(at_least) / sizeof(at_least[0]) && n < at_least[type])
		return damaged(r, "a record too short for its type", err);
	if (type == JM_ACTIVITY_NAME || type == JM_ACTIVITY_STATUS || type == JM_ACTIVITY_DEVICE)
		length = text_length(p, n);
	if (length == UINT32_MAX)
		return damaged(r, "a text longer than its record", err);
	switch (type) {
	case JM_ACTIVITY_NAME:
		rc = take_name(r, p, length);
		break;
	case JM_ACTIVITY_KERNEL:
	case JM_ACTIVITY_COPY:
	case JM_ACTIVITY_SET:
		rc = take_work(r, type, p);
		break;
	case JM_ACTIVITY_CLOCK:
		take_clock(r, p);
		break;
	case JM_ACTIVITY_RANGE_BEGIN:
		rc = take_range_begin(r, p);
		break;
	case JM_ACTIVITY_RANGE_END:
		rc = take_range_end(r, p);
		break;
	case JM_ACTIVITY_LAUNCH:
		rc = take_launch(r, p);
		break;
	case JM_ACTIVITY_DROPPED:
		r->set->totals.n_dropped += u64_at(p + 8);
		break;
	case JM_ACTIVITY_STATUS:
		rc = take_status(r, p, length);
		break;
	case JM_ACTIVITY_DEVICE:
		rc = jm_activity_device(&r->tracks, u32_at(p + 4), (const char *)p + JM_ACTIVITY_AT_TEXT, length);
		break;
	case JM_ACTIVITY_END:
		r->has_end = true;
		break;
	}
	rc = rc ? rc : r->set->emit.rc;
	return rc ? jm_error_set(err, rc, "%s: %s", r->path, jm_error_text(rc)) : 0;
}

/* Gives the bytes of the header, 0 when it is not all there yet, or an error. */
static int take_header(struct jm_activity_reader *r, const uint8_t *p, size_t n, struct jm_error *err)
{
	uint32_t bytes;

	if (n < JM_ACTIVITY_HEADER_BYTES)
		return 0;
	bytes = u32_at(p + JM_ACTIVITY_AT_HEADER_BYTES);
	if (memcmp(p, JM_ACTIVITY_MAGIC, 8) != 0 || bytes < JM_ACTIVITY_HEADER_BYTES || bytes > 4096 || bytes % 8)
		return damaged(r, "no activity file of CUDA", err);
	if (u32_at(p + JM_ACTIVITY_AT_VERSION) > JM_ACTIVITY_VERSION)
		return jm_error_set(err, JM_E_VERSION,
				    "%s: version %" PRIu32 " of the activity file is newer than this program", r->path,
				    u32_at(p + JM_ACTIVITY_AT_VERSION));
	if (n < bytes)
		return 0;
	r->tracks.pid = u32_at(p + JM_ACTIVITY_AT_PID);
	r->has_header = true;
	r->set->totals.n_processes++;
	return (int)bytes;
}

int jm_activity_reader_feed(struct jm_activity_reader *r, const void *data, size_t n, size_t *used_out,
			    struct jm_error *err)
{
	const uint8_t *p = data;
	size_t used = 0;
	int rc = 0;

	if (!r->has_header) {
		rc = take_header(r, p, n, err);
		used = rc > 0 ? (size_t)rc : 0;
		r->at += used;
		rc = rc < 0 ? rc : 0;
	}
	while (rc == 0 && r->has_header && n - used >= 4) {
		uint32_t bytes = u16_at(p + used + 2);

		if (bytes < 8 || bytes % 8)
			rc = damaged(r, "no record", err);
		else if (bytes > n - used)
			break;
		else
			rc = take(r, p + used, bytes, err);
		used += rc ? 0 : bytes;
		r->at += rc ? 0 : bytes;
	}
	*used_out = used;
	return rc;
}

void jm_activity_reader_finish(struct jm_activity_reader *r, size_t n_left)
{
	struct jm_trace_output *out = r->set->out;

	release(r, r->n_held);
	r->n_old = 0;
	if (r->clock.residual_ns > r->set->totals.residual_ns)
		r->set->totals.residual_ns = r->clock.residual_ns;
	if (r->said)
		jm_trace_warn(out, "process %" PRIu32 ": %s", r->tracks.pid, r->said);
	if (r->has_header && (!r->has_end || n_left))
		jm_trace_warn(out,
			      "process %" PRIu32
			      " ended without closing its record of the devices (killed, or by _exit): its last half "
			      "second of kernels may be missing",
			      r->tracks.pid);
}
