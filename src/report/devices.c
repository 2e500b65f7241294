#include "report/devices.h"

#include "core/display.h"
#include "report/table.h"

#define INDENT "            "

static void clock_of(const char *what, const struct jm_spread *s, struct jm_buffer *out)
{
	if (!s->n)
		return;
	jm_display_text(out, "%s %.0f MHz", what, s->mean * 1e-6);
	if (s->max > s->min)
		jm_display_text(out, " (%.0f to %.0f)", s->min * 1e-6, s->max * 1e-6);
	jm_buffer_puts(out, ", ");
}

static void state(const struct jm_device_result *d, struct jm_buffer *out)
{
	if (!d->sm_clock_hz.n && !d->memory_clock_hz.n && !d->temperature_c.n && !d->level.n)
		return;
	jm_buffer_puts(out, INDENT);
	clock_of("SM clock", &d->sm_clock_hz, out);
	clock_of("memory", &d->memory_clock_hz, out);
	if (d->temperature_c.n)
		jm_display_text(out, "%.0f to %.0f degC, ", d->temperature_c.min, d->temperature_c.max);
	if (d->level.n && d->level.max > d->level.min)
		jm_display_text(out, "P%.0f to P%.0f, ", d->level.min, d->level.max);
	else if (d->level.n)
		jm_display_text(out, "P%.0f, ", d->level.min);
	jm_display_line(out, "seen %llu times",
			(unsigned long long)(d->sm_clock_hz.n ? d->sm_clock_hz.n : d->temperature_c.n));
}

static void held(const struct jm_device_result *d, struct jm_buffer *out)
{
	bool is_any = false;
	size_t i;

	for (i = 0; i < d->n_held; i++) {
		const struct jm_held *h = &d->held[i];

		if (!(h->share > 0))
			continue;
		jm_display_text(out, INDENT "%s %.3g %% of the time (%s)", h->is_limit ? "throttled" : "clocks set",
				h->share * 100, h->cause);
		if (!h->is_counted)
			jm_display_text(out, ", of %llu looks", (unsigned long long)h->n_looks);
		jm_buffer_puts(out, "\n");
		is_any = is_any || h->is_limit;
	}
	if (d->n_held && !is_any)
		jm_buffer_puts(out, INDENT "never throttled\n");
}

static void check(const struct jm_cross_check *c, struct jm_buffer *out)
{
	char integral[32], counter[32];

	if (!c->is_known) {
		jm_display_line(out, INDENT "no cross-check: %s", c->reason);
		return;
	}
	jm_report_quantity(c->integral_j, "J", integral, sizeof(integral));
	jm_report_quantity(c->counter_j, "J", counter, sizeof(counter));
	jm_display_text(out,
			INDENT "readings %s, energy counter %s in %.1f s: %+.2f %% (the counter's steps allow %.2f %%)",
			integral, counter, c->span_s, c->difference_fraction * 100, c->allowed_fraction * 100);
	if (c->gap_s >= 0.0005)
		jm_display_text(out, "; %.3f s of it without readings", c->gap_s);
	jm_buffer_puts(out, "\n");
}

void jm_report_devices(const struct jm_result *r, struct jm_buffer *out)
{
	size_t i;

	for (i = 0; i < r->n_devices; i++) {
		const struct jm_device_result *d = &r->devices[i];

		jm_display_line(out, "device      %s: %s", d->name, d->identity ? d->identity : "name unknown");
		if (d->note)
			jm_display_line(out, INDENT "%s", d->note);
		state(d, out);
		held(d, out);
		check(&d->check, out);
	}
	if (r->n_devices > 1 && r->visible_devices)
		jm_display_line(out,
				INDENT "CUDA_VISIBLE_DEVICES was \"%s\": the program saw these only, every GPU was "
				       "measured",
				r->visible_devices);
	if (r->n_devices)
		jm_buffer_puts(out, "\n");
}
