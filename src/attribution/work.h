/* What the methods share while one attribution runs. Inside attribution/ only. */
#ifndef ATTRIBUTION_WORK_H
#define ATTRIBUTION_WORK_H

#include "attribution/layout.h"

#define JM_NO_LAYER UINT32_MAX
#define JM_TIED_SD  0.015 /* by which identical layers differ all the same: relative sd of their powers */

/* A layer that ran in the measured windows. */
struct jm_layer {
	uint32_t name;
	double count;            /* spans */
	double runs;             /* executions, of which a span may be a piece */
	double time_s;           /* self time in the windows */
	double span_s;           /* length of its spans together (children included), for the mean length of a run */
	double span_s2;          /* sum of their squares, s^2 */
	const char *text, *type; /* in the result */
};

/* What a method says of one layer on one channel. */
struct jm_part {
	double energy_j;    /* NAN: no figure */
	double variance_j2; /* NAN: no statistical interval */
	double shared_j; /* sd of an error that all layers share: adds up in sums, and to variance_j2 as its square */
	double seen_s;   /* of the layer's time, seconds with readings */
	bool resolvable;
	enum jm_origin origin;
	int group; /* index in levels.groups, -1: none */
	char reason[160];
};

/* Several layers of which only the sum is known. */
struct jm_part_group {
	size_t first, n; /* layers */
	double energy_j, variance_j2;
};

/* What an estimate knows of time outside of layers, and its groups. */
struct jm_levels {
	bool is_known;
	double idle_j, bare_j; /* between iterations; inside, outside of layers */
	struct jm_part_group *groups;
	size_t n_groups;
	char reason[400]; /* what the estimate says of itself, or why there is none */
	bool is_refused;
};

/* See levels.h. */
struct jm_two_levels {
	bool is_known; /* else the readings stand as they are */
	double busy_w, rest_w;
	double residual_w; /* sd of the readings about the two levels */
};

/* The levels of a channel at a response, kept: several methods ask, and channels that are read together are looked at together. */
struct jm_levels_found {
	bool is_done;
	struct jm_response response;
	struct jm_two_levels levels;
};

struct jm_work {
	const struct jm_work *whole; /* of a view on one device: what it is a view of; else NULL */
	uint16_t device;             /* of a view; 0: all spans, for the channels of no device */
	bool has_devices;            /* channels and spans know their devices: views are made */
	const struct jm_attribution_input *in;
	const struct jm_attribution_options *opt;
	struct jm_result *result;
	struct jm_series *series;      /* n_channels; empty where there is no energy */
	struct jm_baseline *baselines; /* n_channels */
	int *channel_result;           /* n_channels: index in result->channels, -1: none */
	struct jm_levels_found *levels_found; /* n_channels; NULL, as in views: they are not kept */
	struct jm_stretches windows;
	struct jm_stretches iterations; /* whole, unprofiled, in the windows; not merged, by start */
	struct jm_stretches busy;       /* inside iterations (or slices), merged */
	struct jm_stretches rest;       /* of the windows: between iterations */
	struct jm_stretches bare;       /* busy, without any slice */
	double n_iterations;            /* parts of iterations that a window cuts count in part */
	double busy_s, windows_s;
	struct jm_slices slices; /* in the windows */
	struct jm_layer *layers;
	size_t n_layers;
	uint32_t *layer_of_name; /* n_names; JM_NO_LAYER */
	bool is_scaled;          /* slices were laid out from profiled blocks */
	double stretch;          /* where is_scaled: length of an unprofiled iteration over that of a profiled one */
	enum jm_method method;
};

/* Fills windows, iterations, busy, slices, layers, and the run part of the result. */
int jm_work_time(struct jm_work *w, struct jm_error *err);
/* Fills series, baselines and the channels of the result. */
int jm_work_channels(struct jm_work *w, struct jm_error *err);
void jm_work_finish(struct jm_work *w);

/* What one device saw: the same windows, iterations, channels and result, but only the layers that ran there (and those of
 * unknown device). work.in points into the view: it must not move. */
struct jm_work_view {
	struct jm_work work;
	struct jm_attribution_input in;
	struct jm_span *layers, *iterations;
};
/* After jm_work_channels of whole. Errors: as jm_work_time. */
int jm_work_view_init(struct jm_work_view *out, const struct jm_work *whole, uint16_t device, struct jm_error *err);
void jm_work_view_finish(struct jm_work_view *v);
/* Gives the device of channel c; 0: none, or spans do not know theirs. */
uint16_t jm_work_device_of(const struct jm_work *w, size_t c);
/* Frees what jm_work_time filled. */
void jm_work_time_finish(struct jm_work *w);

/* What iterations took, and how long of that was seen: of the whole what the rests do not explain, where readings as they stand would
 * book it wrong; then levels is filled. Errors: JM_E_NOMEM. */
int jm_work_busy_energy(const struct jm_work *w, size_t c, struct jm_levels *levels, double *energy_j, double *seen_s);

/* Methods: parts has n_layers entries, zeroed; c: index of a channel with energy. */
/* levels: filled where rests are short against the sensor's response. Errors: JM_E_NOMEM. */
int jm_method_share(const struct jm_work *w, size_t c, struct jm_part *parts, struct jm_levels *levels);
void jm_method_integrate(const struct jm_work *w, size_t c, struct jm_part *parts);
int jm_method_window(const struct jm_work *w, size_t c, struct jm_part *parts);

/* Response length of a channel, s: update period or averaging window plus five time constants, whichever is longer. */
double jm_work_response_s(const struct jm_work *w, size_t c);

/* Turns parts into rows of layers, types and groups, and one closure. levels: NULL unless the method is an estimate. */
int jm_rows_add(struct jm_work *w, size_t c, const struct jm_part *parts, const struct jm_levels *levels,
		struct jm_error *err);
/* Adds rows per iteration of one channel. texts: a name per iteration, in the result. */
int jm_rows_iterations(struct jm_work *w, size_t c, const char *const *texts, struct jm_error *err);

#endif
