/* A channel: one quantity of a sensor, with all that is known of how it comes about. Missing knowledge is 0 where the
 * comment says so, never a guess. */
#ifndef CORE_CHANNEL_H
#define CORE_CHANNEL_H

#include "joulemap/joulemap.h"

/* X(enumerator, text, unit of the raw integer) */
#define JM_QUANTITY_LIST(X)                                                                                            \
	X(ENERGY, "energy", "uJ")                                                                                      \
	X(POWER, "power", "uW")                                                                                        \
	X(TEMPERATURE, "temperature", "mC")                                                                            \
	X(FREQUENCY, "frequency", "Hz")                                                                                \
	X(UTILIZATION, "utilization", "ppm")                                                                           \
	X(EVENT_BITS, "event bits", "bits")                                                                            \
	X(TIME, "time", "ns")                                                                                          \
	X(LEVEL, "level", "1")
#define JM_ENUM(name, text, unit) JM_QUANTITY_##name,
enum jm_quantity { JM_QUANTITY_LIST(JM_ENUM) };
#undef JM_ENUM

/* How a reading comes about. COUNTER: cumulative; GAUGE: instantaneous; WINDOW_MEAN: mean over window_ns before it. */
#define JM_KIND_LIST(X)     X(COUNTER, "counter") X(GAUGE, "gauge") X(WINDOW_MEAN, "window mean")
#define JM_ENUM(name, text) JM_KIND_##name,
enum jm_kind { JM_KIND_LIST(JM_ENUM) };
#undef JM_ENUM

#define JM_STATE_LIST(X)    X(MEASURED, "measured") X(ESTIMATED, "estimated") X(UNAVAILABLE, "unavailable")
#define JM_ENUM(name, text) JM_STATE_##name,
enum jm_state { JM_STATE_LIST(JM_ENUM) };
#undef JM_ENUM

/* The part of the machine the quantity belongs to. PLATFORM: all of it (psys, a board's input rail, battery). */
#define JM_DOMAIN_LIST(X)                                                                                              \
	X(OTHER, "other")                                                                                              \
	X(PLATFORM, "platform")                                                                                        \
	X(PACKAGE, "package")                                                                                          \
	X(CORE, "core")                                                                                                \
	X(UNCORE, "uncore")                                                                                            \
	X(DRAM, "dram")                                                                                                \
	X(GPU, "gpu")                                                                                                  \
	X(GPU_MEMORY, "gpu memory")                                                                                    \
	X(RAIL, "rail")
#define JM_ENUM(name, text) JM_DOMAIN_##name,
enum jm_domain { JM_DOMAIN_LIST(JM_ENUM) };
#undef JM_ENUM

struct jm_channel {
	char name[96];  /* "rapl_powercap/package-0/core": driver, then path in the device; unique in a session */
	char label[64]; /* as the device calls it */
	enum jm_quantity quantity;
	enum jm_kind kind;
	enum jm_state state;
	enum jm_domain domain;
	int part_of; /* index, in the same set, of the channel whose reading contains this one; -1: none */
	int same_as; /* index of the preferred channel that reads the very same thing another way; -1: none. Of the two
			only the preferred one is counted */
	int device;  /* ordinal of the device (package, GPU) where there are several; else 0 */
	uint64_t step;            /* smallest step of the reading in its unit; 0: unknown */
	uint64_t wrap;            /* a counter counts modulo this; 0: never wraps */
	int64_t update_period_ns; /* between two fresh readings; 0: unknown */
	int64_t window_ns;        /* averaging window (box); 0: none or unknown */
	int64_t lowpass_ns;       /* time constant of a first-order low-pass; 0: none or unknown */
	int64_t lag_ns;           /* reading minus cause; 0: none or unknown */
	double accuracy_fraction; /* class of the sensor, e.g. 0.05; < 0: unknown */
	double accuracy_offset_w; /* absolute part of it; < 0: unknown */
	int64_t bound_low_uw;     /* estimated power only: what it cannot go below ... */
	int64_t bound_high_uw;    /* ... and above; both 0: unknown */
	char reason[256];         /* unavailable: why. Estimated: from what. Else a note, or empty */
	char remedy[256];         /* unavailable: the command or act that mends it, or empty */
};

/* Sets every field to unknown: measured gauge of power, no parent. */
void jm_channel_init(struct jm_channel *c, const char *name);

/* Words for these in recordings, reports and JSON; the unit of a reading ("uJ"). "unknown" for what is none. */
const char *jm_quantity_text(enum jm_quantity q);
const char *jm_quantity_unit(enum jm_quantity q);
const char *jm_kind_text(enum jm_kind k);
const char *jm_state_text(enum jm_state s);
const char *jm_domain_text(enum jm_domain d);

/* Says whether c can give energy: energy or power, and not unavailable. */
bool jm_channel_has_energy(const struct jm_channel *c);

/* Gives what a raw reading of c can be, both ends included: no machine draws more than 1 MW, nothing is colder than
 * absolute zero. Drivers are known to give INT64_MAX, or other nonsense, for what they do not know. */
void jm_channel_bounds(const struct jm_channel *c, int64_t *low_out, int64_t *high_out);

/* Corrects a counter's wrap, in this one place. previous, current: raw readings; wrap: as in struct jm_channel.
 * increment_out: >= 0. A counter that counts modulo wrap and went down has wrapped once: increment = current + wrap -
 * previous (kernel, Documentation/power/powercap: max_energy_range_uj is the range; energy_uj is reset to 0 behind it).
 * Read often enough, a counter moves by less than half of its range from one reading to the next; so a fall that would
 * need more than that is a reset or a jump back, and no energy is made of it.
 * Errors: JM_E_FORMAT when it went down and has not wrapped, or when either reading is outside the range. */
int jm_counter_increment(int64_t previous, int64_t current, uint64_t wrap, int64_t *increment_out);

#endif
