/* A scene: a recording along time, at a level of detail that a page or a picture can take. Of power it keeps buckets with the
 * least, the greatest and the mean power in each; of spans, where there are more than can be kept, how busy each stretch of a
 * lane was; and in a few windows every single reading and span. Whoever draws it can say which of the two is seen.
 *
 * Nothing is filled in: a bucket that nobody looked at has no power. */
#ifndef SCENE_SCENE_H
#define SCENE_SCENE_H

#include "attribution/series.h"
#include "core/span.h"

/* Power of one channel over time. Bucket i is [start_ns + i * bucket_ns, + bucket_ns). */
struct jm_power_buckets {
	int64_t start_ns;
	double bucket_ns;
	size_t n;
	float *min_w, *max_w;      /* NAN: no readings in the bucket */
	double *energy_j, *seen_s; /* of the time with readings; their sums are those of the series */
};

/* A stretch of power: straight from start_w to end_w. */
struct jm_power_piece {
	int64_t start_ns, end_ns;
	float start_w, end_w;
};

struct jm_scene_channel {
	size_t channel; /* index in the recording */
	size_t n_readings;
	struct jm_power_buckets buckets;
	struct jm_power_piece *exact; /* in the windows; is_whole: all there are. In order */
	size_t n_exact;
	bool is_whole;
};

/* One row of boxes: spans of one kind and track that do not overlap. */
struct jm_scene_lane {
	uint32_t track;
	uint8_t kind;  /* enum jm_span_kind */
	uint8_t depth; /* spans inside of spans are a lane deeper */
	uint16_t met;  /* order in which the spans met it */
	bool is_whole; /* all its spans are among the boxes */
	uint64_t n_spans;
	/* By bucket of time, n_coarse of the scene; NULL where all are kept. */
	float *busy;      /* part of the bucket inside of spans, 0 to 1 */
	uint32_t *count;  /* spans that begin in it */
	uint32_t *name;   /* of the span that fills most of it; UINT32_MAX: none */
	float *longest_s; /* how much that one fills */
};

struct jm_scene_box {
	int64_t start_ns, end_ns;
	uint32_t name, iteration;
	uint16_t lane;
	uint8_t flags;
};

/* A stretch in which every reading and span is kept. */
struct jm_scene_window {
	int64_t start_ns, end_ns;
	char label[48]; /* "slowest iteration (17)" */
};

struct jm_scene {
	int64_t start_ns, end_ns;
	struct jm_scene_channel *channels;
	size_t n_channels;
	struct jm_scene_lane *lanes; /* in the order to be drawn in */
	size_t n_lanes;
	struct jm_scene_box *boxes; /* in order of start */
	size_t n_boxes;
	size_t n_coarse;
	struct jm_scene_window *windows; /* in order, apart from each other */
	size_t n_windows;
	uint64_t n_spans, n_left_out; /* in the recording; of them, in lanes that were one too many */
};

/* What is to be drawn. All borrowed, until jm_scene_create returns. */
struct jm_scene_input {
	const struct jm_channel *channels; /* n_channels entries */
	size_t n_channels;
	const struct jm_sample *const *samples; /* by channel, in order of time */
	const size_t *n_samples;
	const struct jm_series *series; /* by channel, of the same samples, used where they are the usual ones; NULL: none are made */
	const struct jm_span *spans; /* in order of (start_ns, -end_ns) */
	size_t n_spans;
	int64_t start_ns, end_ns;
};

/* How much is kept; 0 in a field: the usual, made for a page of a few megabytes. */
struct jm_scene_limits {
	size_t n_buckets; /* of all channels together */
	size_t n_pieces;  /* likewise */
	size_t n_boxes;
	size_t n_coarse; /* of all lanes together */
	size_t n_lanes;
};

#define JM_SCENE_BUCKETS 98304
#define JM_SCENE_PIECES  40000
#define JM_SCENE_BOXES   40000
#define JM_SCENE_COARSE  65536 /* of one lane at most an eighth */
#define JM_SCENE_LANES   24
#define JM_SCENE_WINDOWS 24

/* Makes a scene; jm_scene_destroy. limits may be NULL. Channels without energy or power, and those whose readings cannot be used,
 * are left out. Errors: JM_E_NOMEM, JM_E_INVALID when it would end before it starts. */
int jm_scene_create(const struct jm_scene_input *in, const struct jm_scene_limits *limits, struct jm_scene **out,
		    struct jm_error *err);
void jm_scene_destroy(struct jm_scene *s);

/* The steps of it. Errors: JM_E_NOMEM. */
int jm_power_buckets_init(struct jm_power_buckets *b, int64_t start_ns, int64_t end_ns, size_t n);
/* Adds the part of a piece that lies within the buckets. */
void jm_power_buckets_add(struct jm_power_buckets *b, const struct jm_power_piece *piece);
void jm_power_buckets_finish(struct jm_power_buckets *b);
/* Gives the mean power of a bucket, W; NAN: no readings. */
double jm_power_buckets_mean_w(const struct jm_power_buckets *b, size_t i);

/* Puts every span into a lane: lane_out has n_spans entries, UINT16_MAX for those of lanes beyond the limit. */
int jm_scene_assign_lanes(struct jm_scene *s, const struct jm_span *spans, size_t n, size_t n_lanes_max,
			  uint16_t *lane_out);
/* Fills busy, count, name, longest_s of the lanes. */
int jm_scene_fill_coarse(struct jm_scene *s, const struct jm_span *spans, size_t n, const uint16_t *lanes,
			 size_t n_coarse);
/* Picks the stretches to be kept in full, with at most n_boxes_max spans in all. */
int jm_scene_pick_windows(struct jm_scene *s, const struct jm_span *spans, size_t n, size_t n_boxes_max);

#endif
