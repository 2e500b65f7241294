/* Perfetto's own trace format: a stream of TracePackets, which ui.perfetto.dev, trace_processor and others read. Unlike JSON it
 * keeps the clock: times are CLOCK_MONOTONIC as recorded, tied to the time of day by a ClockSnapshot. Names are written once and
 * referred to by number (InternedData). perfetto.proto says which messages, and where their numbers are from. */
#include "export/export.h"

#include "core/display.h"
#include "core/span.h"

#include "perfetto.pb-c.h"

#include <stdlib.h>
#include <string.h>

#define PID         1
#define SEQUENCE    1
#define REALTIME    1
#define MONOTONIC   3
#define EXPLICIT    3
#define CLEARED     1u
#define NEEDS_STATE 2u
#define PROCESS     0 /* in the place of a track's id */
/* Facts of a slice at most; and texts that are kept to be referred to: the rest are written where they are used. */
#define ARGS_MAX  96
#define TEXTS_MAX ((size_t)1 << 18)

enum event_type { SLICE_BEGIN = 1, SLICE_END = 2, INSTANT = 3, COUNTER = 4 };

struct state {
	struct jm_names categories, names, keys, texts; /* number: index + 1 */
	/* Of the packet being made. */
	JmPerfetto__Interned interned[2 + ARGS_MAX], *interned_at[2 + ARGS_MAX];
	JmPerfetto__InternedString texts_new[ARGS_MAX], *texts_at[ARGS_MAX];
	JmPerfetto__DebugAnnotation annotations[ARGS_MAX], *annotations_at[ARGS_MAX];
	size_t n_keys, n_texts;
	char *owned[4 + 2 * ARGS_MAX];
	size_t n_owned;
};

/* Packs straight into the trace's text. */
struct sink {
	ProtobufCBuffer base;
	struct jm_buffer *to;
};

static void append(ProtobufCBuffer *buffer, size_t n, const uint8_t *data)
{
	jm_buffer_append(((struct sink *)buffer)->to, data, n);
}

/* Trace.packet is field 1: each packet is its tag, its length, its bytes. */
static void put(struct jm_trace *t, const JmPerfetto__TracePacket *packet)
{
	struct sink sink = {{append}, &t->out};
	size_t n = jm_perfetto__trace_packet__get_packed_size(packet);
	uint8_t head[11] = {0x0a};
	size_t at = 1;

	for (; n >= 0x80; n >>= 7)
		head[at++] = (uint8_t)(n | 0x80);
	head[at++] = (uint8_t)n;
	jm_buffer_append(&t->out, head, at);
	jm_perfetto__trace_packet__pack_to_buffer(packet, &sink.base);
}

/* Strings of protobuf are UTF-8. Gives a copy that lives until the packet is out; "" when out of memory. */
static char *clean(struct jm_trace *t, const char *text)
{
	struct state *s = t->state;
	char *copy = s->n_owned < sizeof(s->owned) / sizeof(s->owned[0]) ? strdup(text) : NULL;
	static char none[] = "";

	if (!copy) {
		t->rc = t->rc ? t->rc : JM_E_NOMEM;
		return none;
	}
	jm_display_neutralise(copy);
	s->owned[s->n_owned++] = copy;
	return copy;
}

static void free_copies(struct state *s)
{
	while (s->n_owned > 0)
		free(s->owned[--s->n_owned]);
}

/* Gives the number of a text in a table, and whether it is new there; 0: the table is full. */
static uint64_t number_of(struct jm_trace *t, struct jm_names *table, const char *text, bool *is_new)
{
	size_t before = table->n;
	uint32_t index;

	if (before >= TEXTS_MAX)
		return 0;
	if (jm_names_add(table, text, strlen(text), "", 0, &index)) {
		t->rc = t->rc ? t->rc : JM_E_NOMEM;
		return 0;
	}
	*is_new = table->n > before;
	return index + (uint64_t)1;
}

static uint64_t uuid(const struct jm_trace *t, uint32_t track)
{
	return (t->head.identity << 32 | UINT64_C(1) << 31) + track;
}

static void describe(struct jm_trace *t, JmPerfetto__TrackDescriptor *descriptor, bool is_first)
{
	JmPerfetto__TracePacket packet = JM_PERFETTO__TRACE_PACKET__INIT;

	packet.has_trusted_packet_sequence_id = packet.has_sequence_flags = 1;
	packet.trusted_packet_sequence_id = SEQUENCE;
	packet.sequence_flags = is_first ? CLEARED : 0;
	packet.track_descriptor = descriptor;
	put(t, &packet);
	free_copies(t->state);
}

static void begin_clocks(struct jm_trace *t)
{
	JmPerfetto__TracePacket packet = JM_PERFETTO__TRACE_PACKET__INIT;
	JmPerfetto__ClockSnapshot snapshot = JM_PERFETTO__CLOCK_SNAPSHOT__INIT;
	JmPerfetto__Clock monotonic = JM_PERFETTO__CLOCK__INIT, wall = JM_PERFETTO__CLOCK__INIT;
	JmPerfetto__Clock *clocks[] = {&monotonic, &wall};

	monotonic.has_clock_id = monotonic.has_timestamp = wall.has_clock_id = wall.has_timestamp = 1;
	monotonic.clock_id = MONOTONIC;
	monotonic.timestamp = (uint64_t)t->head.origin_ns;
	wall.clock_id = REALTIME;
	wall.timestamp = (uint64_t)(t->head.origin_ns + t->head.wall_minus_monotonic_ns);
	snapshot.clocks = clocks;
	snapshot.n_clocks = t->head.has_wall_clock ? 2 : 1;
	snapshot.has_primary_trace_clock = 1;
	snapshot.primary_trace_clock = MONOTONIC;
	packet.has_trusted_packet_sequence_id = 1;
	packet.trusted_packet_sequence_id = SEQUENCE;
	packet.clock_snapshot = &snapshot;
	put(t, &packet);
}

static void begin(struct jm_trace *t)
{
	JmPerfetto__TrackDescriptor d = JM_PERFETTO__TRACK_DESCRIPTOR__INIT;
	JmPerfetto__ProcessDescriptor process = JM_PERFETTO__PROCESS_DESCRIPTOR__INIT;

	t->state = calloc(1, sizeof(struct state));
	if (!t->state) {
		t->rc = JM_E_NOMEM;
		return;
	}
	begin_clocks(t);
	process.has_pid = d.has_uuid = d.has_child_ordering = 1;
	process.pid = PID;
	process.process_name = clean(t, t->head.process);
	d.uuid = uuid(t, PROCESS);
	d.process = &process;
	d.child_ordering = EXPLICIT;
	describe(t, &d, true);
}

static void track(struct jm_trace *t, const struct jm_trace_track *track)
{
	JmPerfetto__TrackDescriptor d = JM_PERFETTO__TRACK_DESCRIPTOR__INIT;
	JmPerfetto__ThreadDescriptor thread = JM_PERFETTO__THREAD_DESCRIPTOR__INIT;
	JmPerfetto__CounterDescriptor counter = JM_PERFETTO__COUNTER_DESCRIPTOR__INIT;

	if (!t->state)
		return;
	d.has_uuid = d.has_parent_uuid = d.has_sibling_order_rank = thread.has_pid = thread.has_tid = 1;
	d.uuid = uuid(t, track->id);
	d.parent_uuid = uuid(t, PROCESS);
	d.sibling_order_rank = (int32_t)track->id;
	if (track->kind == JM_TRACE_COUNTER) {
		d.name = clean(t, track->name);
		counter.unit_name = clean(t, track->unit);
		d.counter = &counter;
	} else {
		thread.pid = PID;
		thread.tid = PID + (int64_t)track->id;
		thread.thread_name = clean(t, track->name);
		d.thread = &thread;
	}
	describe(t, &d, false);
}

/* Sends an event, with the texts that are new with it. */
static void send(struct jm_trace *t, JmPerfetto__TrackEvent *event, enum event_type type, uint32_t track, int64_t t_ns,
		 JmPerfetto__InternedData *interned)
{
	JmPerfetto__TracePacket packet = JM_PERFETTO__TRACE_PACKET__INIT;

	event->has_type = event->has_track_uuid = 1;
	event->type = type;
	event->track_uuid = uuid(t, track);
	packet.has_timestamp = packet.has_trusted_packet_sequence_id = packet.has_sequence_flags = 1;
	packet.timestamp = (uint64_t)t_ns;
	packet.trusted_packet_sequence_id = SEQUENCE;
	packet.sequence_flags = NEEDS_STATE;
	packet.track_event = event;
	packet.interned_data = interned;
	put(t, &packet);
}

static void value(struct jm_trace *t, const struct jm_trace_track *track, int64_t t_ns, double value)
{
	JmPerfetto__TrackEvent event = JM_PERFETTO__TRACK_EVENT__INIT;

	if (!t->state)
		return;
	event.has_double_counter_value = 1;
	event.double_counter_value = value;
	send(t, &event, COUNTER, track->id, t_ns, NULL);
}

/* Makes an entry of interned[] for a text that is new. */
static JmPerfetto__Interned *intern(struct jm_trace *t, size_t slot, uint64_t number, const char *text)
{
	struct state *s = t->state;
	JmPerfetto__Interned *entry = &s->interned[slot];

	jm_perfetto__interned__init(entry);
	entry->has_iid = 1;
	entry->iid = number;
	entry->name = clean(t, text);
	s->interned_at[slot] = entry;
	return entry;
}

static void annotate_text(struct jm_trace *t, JmPerfetto__DebugAnnotation *a, const char *text)
{
	struct state *s = t->state;
	JmPerfetto__InternedString *entry = &s->texts_new[s->n_texts];
	bool is_new = false;

	a->string_value_iid = number_of(t, &s->texts, text, &is_new);
	a->has_string_value_iid = a->string_value_iid > 0;
	if (!a->has_string_value_iid)
		a->string_value = clean(t, text);
	if (!is_new)
		return;
	jm_perfetto__interned_string__init(entry);
	entry->has_iid = entry->has_str = 1;
	entry->iid = a->string_value_iid;
	entry->str.data = (uint8_t *)clean(t, text);
	entry->str.len = strlen((char *)entry->str.data);
	s->texts_at[s->n_texts++] = entry;
}

static void annotate(struct jm_trace *t, size_t i, const struct jm_trace_arg *arg)
{
	struct state *s = t->state;
	JmPerfetto__DebugAnnotation *a = &s->annotations[i];
	bool is_new = false;

	jm_perfetto__debug_annotation__init(a);
	s->annotations_at[i] = a;
	a->name_iid = number_of(t, &s->keys, arg->key, &is_new);
	a->has_name_iid = a->name_iid > 0;
	if (!a->has_name_iid)
		a->name = clean(t, arg->key);
	if (is_new)
		intern(t, 2 + s->n_keys++, a->name_iid, arg->key);
	if (arg->text) {
		annotate_text(t, a, arg->text);
	} else {
		a->has_int_value = arg->is_whole;
		a->int_value = arg->is_whole ? (int64_t)arg->number : 0;
		a->has_double_value = !arg->is_whole;
		a->double_value = arg->number;
	}
}

static void send_with_args(struct jm_trace *t, enum event_type type, uint32_t track, const struct jm_trace_slice *slice)
{
	struct state *s = t->state;
	JmPerfetto__TrackEvent event = JM_PERFETTO__TRACK_EVENT__INIT;
	JmPerfetto__InternedData interned = JM_PERFETTO__INTERNED_DATA__INIT;
	bool is_new_name = false, is_new_category = false;
	uint64_t category = number_of(t, &s->categories, slice->category, &is_new_category);
	size_t i, n = slice->n_args < ARGS_MAX ? slice->n_args : ARGS_MAX;

	s->n_keys = s->n_texts = 0;
	event.name_iid = number_of(t, &s->names, slice->name, &is_new_name);
	event.has_name_iid = event.name_iid > 0;
	if (!event.has_name_iid)
		event.name = clean(t, slice->name);
	event.category_iids = &category;
	event.n_category_iids = category > 0;
	for (i = 0; i < n; i++)
		annotate(t, i, &slice->args[i]);
	event.debug_annotations = s->annotations_at;
	event.n_debug_annotations = n;
	if (is_new_name) {
		intern(t, 0, event.name_iid, slice->name);
		interned.event_names = &s->interned_at[0];
		interned.n_event_names = 1;
	}
	if (is_new_category) {
		intern(t, 1, category, slice->category);
		interned.event_categories = &s->interned_at[1];
		interned.n_event_categories = 1;
	}
	interned.debug_annotation_names = &s->interned_at[2];
	interned.n_debug_annotation_names = s->n_keys;
	interned.debug_annotation_string_values = s->texts_at;
	interned.n_debug_annotation_string_values = s->n_texts;
	send(t, &event, type, track, slice->start_ns,
	     is_new_name || is_new_category || s->n_keys || s->n_texts ? &interned : NULL);
	free_copies(s);
}

static void begin_slice(struct jm_trace *t, uint32_t track, const struct jm_trace_slice *slice)
{
	if (t->state)
		send_with_args(t, SLICE_BEGIN, track, slice);
}

static void end_slice(struct jm_trace *t, uint32_t track, int64_t t_ns)
{
	JmPerfetto__TrackEvent event = JM_PERFETTO__TRACK_EVENT__INIT;

	if (t->state)
		send(t, &event, SLICE_END, track, t_ns, NULL);
}

/* The format has no place for facts of the whole: they are arguments of an instant at its beginning. */
static void end(struct jm_trace *t, const struct jm_trace_arg *facts, size_t n_facts)
{
	struct jm_trace_slice all = {.start_ns = t->head.origin_ns,
				     .name = "recording",
				     .category = "joulemap",
				     .args = facts,
				     .n_args = n_facts};

	if (t->state)
		send_with_args(t, INSTANT, PROCESS, &all);
}

static void finish(struct jm_trace *t)
{
	struct state *s = t->state;

	if (!s)
		return;
	free_copies(s);
	jm_names_finish(&s->categories);
	jm_names_finish(&s->names);
	jm_names_finish(&s->keys);
	jm_names_finish(&s->texts);
	free(s);
	t->state = NULL;
}

static const struct jm_trace_writer writer = {.begin = begin,
					      .track = track,
					      .value = value,
					      .begin_slice = begin_slice,
					      .end_slice = end_slice,
					      .end = end,
					      .finish = finish};

const struct jm_exporter jm_exporter_perfetto = {
    .name = "perfetto",
    .summary = "Perfetto's own format, for ui.perfetto.dev and trace_processor",
    .trace = &writer,
};
