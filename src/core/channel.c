#include "core/channel.h"

#include "core/units.h"

#include <stdio.h>
#include <string.h>

void jm_channel_init(struct jm_channel *c, const char *name)
{
	memset(c, 0, sizeof(*c));
	snprintf(c->name, sizeof(c->name), "%s", name);
	c->quantity = JM_QUANTITY_POWER;
	c->kind = JM_KIND_GAUGE;
	c->part_of = -1;
	c->same_as = -1;
	c->accuracy_fraction = -1;
	c->accuracy_offset_w = -1;
}

static const char *pick(const char *const *texts, size_t n, unsigned i)
{
	return i < n ? texts[i] : "unknown";
}

#define TEXT(name, text, ...) text,
#define PICK(LIST, i)                                                                                                  \
	static const char *const texts[] = {LIST(TEXT)};                                                               \
	return pick(texts, sizeof(texts) / sizeof(texts[0]), (unsigned)(i))

const char *jm_quantity_text(enum jm_quantity q)
{
	PICK(JM_QUANTITY_LIST, q);
}

const char *jm_kind_text(enum jm_kind k)
{
	PICK(JM_KIND_LIST, k);
}

const char *jm_state_text(enum jm_state s)
{
	PICK(JM_STATE_LIST, s);
}

const char *jm_domain_text(enum jm_domain d)
{
	PICK(JM_DOMAIN_LIST, d);
}

const char *jm_quantity_unit(enum jm_quantity q)
{
#define UNIT(name, text, unit) unit,
	static const char *const units[] = {JM_QUANTITY_LIST(UNIT)};
#undef UNIT
	return pick(units, sizeof(units) / sizeof(units[0]), (unsigned)q);
}

bool jm_channel_has_energy(const struct jm_channel *c)
{
	return (c->quantity == JM_QUANTITY_ENERGY || c->quantity == JM_QUANTITY_POWER) &&
	       c->state != JM_STATE_UNAVAILABLE;
}

int jm_counter_increment(int64_t previous, int64_t current, uint64_t wrap, int64_t *increment_out)
{
	int64_t increment;

	if (previous < 0 || current < 0)
		return JM_E_FORMAT;
	if (wrap && ((uint64_t)previous > wrap || (uint64_t)current > wrap))
		return JM_E_FORMAT;
	if (current >= previous) {
		*increment_out = current - previous;
		return 0;
	}
	if (wrap == 0 || wrap > INT64_MAX)
		return JM_E_FORMAT;
	increment = current + ((int64_t)wrap - previous);
	if ((uint64_t)increment > wrap / 2)
		return JM_E_FORMAT;
	*increment_out = increment;
	return 0;
}

void jm_channel_bounds(const struct jm_channel *c, int64_t *low_out, int64_t *high_out)
{
	*low_out = INT64_MIN;
	*high_out = INT64_MAX;
	switch (c->quantity) {
	case JM_QUANTITY_ENERGY:
		*low_out = 0;
		*high_out = INT64_MAX - 1;
		break;
	case JM_QUANTITY_POWER: /* a battery that is charged counts downwards */
		*high_out = 1000000 * JM_UW_PER_W;
		*low_out = -*high_out;
		break;
	case JM_QUANTITY_TEMPERATURE:
		*low_out = -273150;
		*high_out = 2000000;
		break;
	case JM_QUANTITY_FREQUENCY:
		*low_out = 0;
		*high_out = INT64_C(1000000000000);
		break;
	case JM_QUANTITY_UTILIZATION: /* of up to 10,000 processors */
		*low_out = 0;
		*high_out = INT64_C(10000000000);
		break;
	case JM_QUANTITY_EVENT_BITS:
	case JM_QUANTITY_TIME:
	case JM_QUANTITY_LEVEL:
		break;
	}
}
