/* The service: one jm_live, the measurements, and those who ask (HTTP; events), in one loop and one thread.
 *
 *   jm_live ──tick──> measurements ──tell──> outputs
 *      └────────────────┴──────read───────> HTTP: measurements, stream, metrics, page
 *
 * Sensors are awake while somebody wants them: a running measurement, a stream, a look in the last minute. */
#ifndef SERVICE_SERVICE_H
#define SERVICE_SERVICE_H

#include "joulemap/live.h"
#include "service/items.h"
#include "service/loop.h"
#include "service/measurement.h"

struct jm_service_options {
	const char *sensors;     /* as in jm_live_options */
	int64_t period_ns;       /* 0: JM_DEFAULT_LIVE_PERIOD_NS */
	bool is_always;          /* sensors never sleep */
	bool with_all_processes; /* every process of the machine is watched and shown */
	struct jm_measure_limits limits;
};

/* Power of a channel over about the last second, for those who look now and then; NAN: nothing was seen. */
struct jm_service_power {
	double energy_j, seen_s; /* where the second began */
	double power_w;
};

/* Who is told when the world has ticked. */
struct jm_service_follower {
	void (*ticked)(void *ctx, int64_t now_ns);
	void *ctx;
};

#define JM_SERVICE_FOLLOWERS_MAX 8

struct jm_metrics_page;
/* Who has metrics of his own. */
struct jm_service_metrics {
	void (*write)(void *ctx, struct jm_metrics_page *page);
	void *ctx;
};

#define JM_SERVICE_METRICS_MAX 4

struct jm_service {
	struct jm_service_options options;
	struct jm_loop *loop;
	struct jm_live *live;
	struct jm_measurements *measurements;
	struct jm_items *items; /* what programs say they did */
	/* As of the last tick. */
	struct jm_live_state state;
	struct jm_live_channel *channels;
	size_t n_channels;
	struct jm_device_sum machine[JM_N_DEVICES],
	    split[JM_N_DEVICES];         /* split: of the channels that are; energy_j 0 */
	struct jm_service_power *powers; /* one a channel */
	int64_t powers_ns;
	enum jm_device *device_of; /* one a channel; JM_N_DEVICES: none */
	struct jm_service_follower followers[JM_SERVICE_FOLLOWERS_MAX];
	size_t n_followers;
	struct jm_service_metrics metrics[JM_SERVICE_METRICS_MAX];
	size_t n_metrics;
	int64_t wanted_until_ns; /* somebody looked */
	size_t n_streams;        /* readers that stay */
	int64_t start_realtime_ns;
	/* From a request that begins at once to its first figures. */
	uint64_t n_begun;
	int64_t begun_ns, begun_max_ns;
	const char *recordings; /* folder of the measurements' recordings; NULL: none are made */
};

/* Opens sensors, loop and measurements. Errors: those of jm_live_open; JM_E_NOMEM. */
int jm_service_open(struct jm_service *s, const struct jm_service_options *options, struct jm_error *err);
/* Ends what is under way, frees. A zeroed one is allowed. */
void jm_service_close(struct jm_service *s);
int jm_service_follow(struct jm_service *s, const struct jm_service_follower *follower);
/* Adds metrics to /metrics. Errors: JM_E_NOMEM: too many. */
int jm_service_add_metrics(struct jm_service *s, const struct jm_service_metrics *metrics);

/* Somebody looks: the sensors stay awake for a minute. Figures are fresh when this returns. */
void jm_service_look(struct jm_service *s);
/* Adds a measurement. Errors: those of jm_measurements_add. */
int jm_service_measure(struct jm_service *s, const struct jm_measure_request *request, uint64_t *id_out,
		       struct jm_error *err);
/* Puts the sensors to work or to sleep, by who wants them. After each change of n_streams or of the measurements. */
void jm_service_settle(struct jm_service *s);

#endif
