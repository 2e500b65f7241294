#include "core/own_cost.h"

#include <inttypes.h>
#include <math.h>

#define MIB 1048576.0

double jm_own_cost_fraction(const struct jm_own_cost *cost)
{
	return cost->wall_s > 0 ? cost->cpu_s / cost->wall_s : NAN;
}

static uint64_t larger(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

void jm_own_cost_add(struct jm_own_cost *sum, const struct jm_own_cost *other)
{
	sum->cpu_s += other->cpu_s;
	sum->wall_s += other->wall_s;
	sum->rss_bytes = larger(sum->rss_bytes, other->rss_bytes);
	sum->rss_with_model_bytes = larger(sum->rss_with_model_bytes, other->rss_with_model_bytes);
}

void jm_own_cost_text(const struct jm_own_cost *cost, struct jm_buffer *out)
{
	double fraction = jm_own_cost_fraction(cost);

	if (!isfinite(cost->cpu_s)) {
		jm_buffer_puts(out, "unknown: nothing recorded it");
		return;
	}
	jm_buffer_printf(out, "%.3f s processor time", cost->cpu_s);
	if (isfinite(fraction))
		jm_buffer_printf(out, ", %.2f %% of one core", fraction * 100);
	if (!cost->rss_bytes)
		jm_buffer_puts(out, ", memory not told apart from the program's that it ran in");
	else
		jm_buffer_printf(out, ", %.1f MiB resident", (double)cost->rss_bytes / MIB);
	if (cost->rss_bytes && cost->rss_with_model_bytes)
		jm_buffer_printf(out, " before the model came (%.1f with it and its runtime)",
				 (double)cost->rss_with_model_bytes / MIB);
}

static void bytes(struct jm_buffer *out, const char *key, uint64_t value)
{
	jm_buffer_printf(out, ",\"%s\":", key);
	if (value)
		jm_buffer_printf(out, "%" PRIu64, value);
	else
		jm_buffer_puts(out, "null");
}

void jm_own_cost_json(const struct jm_own_cost *cost, struct jm_buffer *out)
{
	jm_buffer_puts(out, "{\"cpu_s\":");
	jm_buffer_json_number(out, cost->cpu_s);
	jm_buffer_puts(out, ",\"cpu_fraction\":");
	jm_buffer_json_number(out, jm_own_cost_fraction(cost));
	bytes(out, "rss_bytes", cost->rss_bytes);
	bytes(out, "rss_with_model_bytes", cost->rss_with_model_bytes);
	jm_buffer_puts(out, "}");
}

static void cell(struct jm_buffer *out, double value)
{
	char text[32];

	if (isfinite(value))
		jm_buffer_append(out, text, jm_text_shortest(value, text));
	jm_buffer_puts(out, ",");
}

void jm_own_cost_csv(const struct jm_own_cost *cost, struct jm_buffer *out)
{
	cell(out, cost->cpu_s);
	cell(out, jm_own_cost_fraction(cost));
	if (cost->rss_bytes)
		jm_buffer_printf(out, "%" PRIu64, cost->rss_bytes);
}
