/* The scene as JSON: short texts as they are, series of numbers in base64. Times are seconds from the scene's start. */
#include "page/base64.h"
#include "page/page.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static double seconds(const struct jm_scene *s, int64_t t_ns)
{
	return (double)(t_ns - s->start_ns) * 1e-9;
}

enum column { MIN, MAX, MEAN, SEEN };

static void bucket_column(const struct jm_power_buckets *p, enum column which, struct jm_buffer *out)
{
	struct jm_base64 b;
	size_t i;

	jm_base64_begin(&b, out);
	for (i = 0; i < p->n; i++)
		jm_base64_f32(&b, which == MIN    ? p->min_w[i]
				  : which == MAX  ? p->max_w[i]
				  : which == MEAN ? (float)jm_power_buckets_mean_w(p, i)
						  : (float)(p->seen_s[i] * 1e9 / p->bucket_ns));
	jm_base64_end(&b);
}

/* Says whether every bucket was seen in full or not at all: then NAN in the mean says all. */
static bool is_all_or_nothing(const struct jm_power_buckets *p)
{
	size_t i;

	for (i = 0; i < p->n; i++) {
		double share = p->seen_s[i] * 1e9 / p->bucket_ns;

		if (share > 0 && share < 0.9999)
			return false;
	}
	return true;
}

static void exact(const struct jm_scene *s, const struct jm_scene_channel *c, struct jm_buffer *out)
{
	struct jm_base64 b;
	size_t i;

	jm_buffer_puts(out, ",\"start\":");
	jm_base64_begin(&b, out);
	for (i = 0; i < c->n_exact; i++)
		jm_base64_f64(&b, seconds(s, c->exact[i].start_ns));
	jm_base64_end(&b);
	jm_buffer_puts(out, ",\"length\":");
	jm_base64_begin(&b, out);
	for (i = 0; i < c->n_exact; i++)
		jm_base64_f32(&b, (float)((double)(c->exact[i].end_ns - c->exact[i].start_ns) * 1e-9));
	jm_base64_end(&b);
	jm_buffer_puts(out, ",\"w0\":");
	jm_base64_begin(&b, out);
	for (i = 0; i < c->n_exact; i++)
		jm_base64_f32(&b, c->exact[i].start_w);
	jm_base64_end(&b);
	jm_buffer_puts(out, ",\"w1\":");
	jm_base64_begin(&b, out);
	for (i = 0; i < c->n_exact; i++)
		jm_base64_f32(&b, c->exact[i].end_w);
	jm_base64_end(&b);
}

static void channel(const struct jm_page_recording *r, const struct jm_scene_channel *c, struct jm_buffer *out)
{
	const struct jm_power_buckets *p = &c->buckets;

	jm_buffer_puts(out, "{\"name\":");
	jm_buffer_json_string(out, r->result->channels[c->channel].channel->name);
	jm_buffer_printf(out, ",\"n_readings\":%zu,\"n\":%zu,\"whole\":%s,\"min\":", c->n_readings, p->n,
			 c->is_whole ? "true" : "false");
	bucket_column(p, MIN, out);
	jm_buffer_puts(out, ",\"max\":");
	bucket_column(p, MAX, out);
	jm_buffer_puts(out, ",\"mean\":");
	bucket_column(p, MEAN, out);
	jm_buffer_puts(out, ",\"seen\":");
	if (is_all_or_nothing(p))
		jm_buffer_puts(out, "null");
	else
		bucket_column(p, SEEN, out);
	exact(r->scene, c, out);
	jm_buffer_puts(out, "}");
}

/* Which names of the recording the page needs, and their numbers on it. */
struct used_names {
	uint32_t *number; /* by name; UINT32_MAX: not needed */
	size_t n;
};

static void use(struct used_names *u, const struct jm_names *names, uint32_t name)
{
	if (name < names->n && u->number[name] == UINT32_MAX)
		u->number[name] = (uint32_t)u->n++;
}

static int find_used(const struct jm_scene *s, const struct jm_names *names, struct used_names *u)
{
	size_t i, k;

	*u = (struct used_names){.number = malloc((names->n + 1) * sizeof(*u->number))};
	if (!u->number)
		return JM_E_NOMEM;
	memset(u->number, 0xff, (names->n + 1) * sizeof(*u->number));
	for (i = 0; i < s->n_boxes; i++)
		use(u, names, s->boxes[i].name);
	for (i = 0; i < s->n_lanes; i++)
		for (k = 0; s->lanes[i].name && k < s->n_coarse; k++)
			use(u, names, s->lanes[i].name[k]);
	return 0;
}

static uint32_t number_of(const struct used_names *u, const struct jm_names *names, uint32_t name)
{
	return name < names->n ? u->number[name] : UINT32_MAX;
}

static int write_names(const struct used_names *u, const struct jm_names *names, struct jm_buffer *out)
{
	size_t *order = malloc((u->n + 1) * sizeof(*order)), i;

	if (!order)
		return JM_E_NOMEM;
	for (i = 0; i < names->n; i++)
		if (u->number[i] != UINT32_MAX)
			order[u->number[i]] = i;
	jm_buffer_puts(out, ",\"names\":[");
	for (i = 0; i < u->n; i++) {
		jm_buffer_puts(out, i ? ",[" : "[");
		jm_buffer_json_string(out, names->items[order[i]].text);
		jm_buffer_puts(out, ",");
		jm_buffer_json_string(out, names->items[order[i]].type);
		jm_buffer_puts(out, "]");
	}
	jm_buffer_puts(out, "]");
	free(order);
	return 0;
}

static void lane(const struct jm_page_recording *r, size_t i, const struct used_names *u, struct jm_buffer *out)
{
	const struct jm_scene_lane *l = &r->scene->lanes[i];
	const char *track = r->track_names ? r->track_names[i] : NULL;
	struct jm_base64 b;
	size_t k;

	jm_buffer_printf(out, "{\"kind\":\"%s\",\"track\":%lu,\"label\":", jm_span_kind_text(l->kind),
			 (unsigned long)l->track);
	if (track)
		jm_buffer_json_string(out, track);
	else
		jm_buffer_puts(out, "null");
	jm_buffer_printf(out, ",\"depth\":%u,\"n\":%llu,\"whole\":%s", l->depth, (unsigned long long)l->n_spans,
			 l->is_whole ? "true" : "false");
	if (l->busy) {
		jm_buffer_puts(out, ",\"busy\":");
		jm_base64_begin(&b, out);
		for (k = 0; k < r->scene->n_coarse; k++)
			jm_base64_u8(&b, (uint8_t)lrintf(255 * fminf(l->busy[k], 1)));
		jm_base64_end(&b);
		jm_buffer_puts(out, ",\"count\":");
		jm_base64_begin(&b, out);
		for (k = 0; k < r->scene->n_coarse; k++)
			jm_base64_u32(&b, l->count[k]);
		jm_base64_end(&b);
		jm_buffer_puts(out, ",\"longest\":");
		jm_base64_begin(&b, out);
		for (k = 0; k < r->scene->n_coarse; k++)
			jm_base64_u32(&b, number_of(u, r->names, l->name[k]));
		jm_base64_end(&b);
	}
	jm_buffer_puts(out, "}");
}

static void boxes(const struct jm_page_recording *r, const struct used_names *u, struct jm_buffer *out)
{
	const struct jm_scene *s = r->scene;
	struct jm_base64 b;
	size_t i;

	jm_buffer_printf(out, ",\"boxes\":{\"n\":%zu,\"start\":", s->n_boxes);
	jm_base64_begin(&b, out);
	for (i = 0; i < s->n_boxes; i++)
		jm_base64_f64(&b, seconds(s, s->boxes[i].start_ns));
	jm_base64_end(&b);
	jm_buffer_puts(out, ",\"length\":");
	jm_base64_begin(&b, out);
	for (i = 0; i < s->n_boxes; i++)
		jm_base64_f32(&b, (float)((double)(s->boxes[i].end_ns - s->boxes[i].start_ns) * 1e-9));
	jm_base64_end(&b);
	jm_buffer_puts(out, ",\"name\":");
	jm_base64_begin(&b, out);
	for (i = 0; i < s->n_boxes; i++)
		jm_base64_u32(&b, number_of(u, r->names, s->boxes[i].name));
	jm_base64_end(&b);
	jm_buffer_puts(out, ",\"iteration\":");
	jm_base64_begin(&b, out);
	for (i = 0; i < s->n_boxes; i++)
		jm_base64_u32(&b, s->boxes[i].iteration);
	jm_base64_end(&b);
	jm_buffer_puts(out, ",\"lane\":");
	jm_base64_begin(&b, out);
	for (i = 0; i < s->n_boxes; i++)
		jm_base64_u16(&b, s->boxes[i].lane);
	jm_base64_end(&b);
	jm_buffer_puts(out, ",\"flags\":");
	jm_base64_begin(&b, out);
	for (i = 0; i < s->n_boxes; i++)
		jm_base64_u8(&b, s->boxes[i].flags);
	jm_base64_end(&b);
	jm_buffer_puts(out, "}");
}

static void windows(const struct jm_scene *s, struct jm_buffer *out)
{
	size_t i;

	jm_buffer_puts(out, ",\"windows\":[");
	for (i = 0; i < s->n_windows; i++) {
		jm_buffer_printf(out, "%s[%.9g,%.9g,", i ? "," : "", seconds(s, s->windows[i].start_ns),
				 seconds(s, s->windows[i].end_ns));
		jm_buffer_json_string(out, s->windows[i].label);
		jm_buffer_puts(out, "]");
	}
	jm_buffer_puts(out, "]");
}

static void events(const struct jm_page_recording *r, struct jm_buffer *out)
{
	size_t i;

	jm_buffer_puts(out, ",\"events\":[");
	for (i = 0; i < r->n_events; i++) {
		jm_buffer_printf(out, "%s[%.9g,%.9g,", i ? "," : "", seconds(r->scene, r->events[i].t_ns),
				 (double)r->events[i].duration_ns * 1e-9);
		jm_buffer_json_string(out, r->events[i].kind);
		jm_buffer_puts(out, ",");
		jm_buffer_json_string(out, r->events[i].text);
		jm_buffer_puts(out, "]");
	}
	jm_buffer_puts(out, "]");
}

void jm_page_scene(const struct jm_page_recording *r, struct jm_buffer *out)
{
	const struct jm_scene *s = r->scene;
	struct used_names used;
	size_t i;

	if (!s || find_used(s, r->names, &used)) {
		out->is_failed = out->is_failed || s;
		jm_buffer_puts(out, "null");
		return;
	}
	jm_buffer_printf(out, "{\"seconds\":%.9f,\"n_spans\":%llu,\"n_left_out\":%llu,\"n_coarse\":%zu,\"channels\":[",
			 seconds(s, s->end_ns), (unsigned long long)s->n_spans, (unsigned long long)s->n_left_out,
			 s->n_coarse);
	for (i = 0; i < s->n_channels; i++) {
		jm_buffer_puts(out, i ? ",\n" : "\n");
		channel(r, &s->channels[i], out);
	}
	jm_buffer_puts(out, "],\"lanes\":[");
	for (i = 0; i < s->n_lanes; i++) {
		jm_buffer_puts(out, i ? ",\n" : "\n");
		lane(r, i, &used, out);
	}
	jm_buffer_puts(out, "]");
	boxes(r, &used, out);
	windows(s, out);
	events(r, out);
	if (write_names(&used, r->names, out))
		out->is_failed = true;
	jm_buffer_puts(out, "}");
	free(used.number);
}
