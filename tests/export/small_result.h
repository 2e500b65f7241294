/* A result of one estimated channel and two layers, one of them without a figure, for the tests of the exporters. */
#ifndef TESTS_EXPORT_SMALL_RESULT_H
#define TESTS_EXPORT_SMALL_RESULT_H

#include "core/result.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

struct small_result {
	struct jm_result result;
	struct jm_channel channel;
	struct jm_channel_result channels[1];
	struct jm_row layers[2];
	struct jm_closure closure[1];
};

static inline void small_result_row(struct jm_row *row, const char *name, double energy_j)
{
	const struct jm_interval unknown = {NAN, NAN};

	*row = (struct jm_row){.name = name, .type = "Conv", .count = 4, .time_s = 0.5, .latency_ms = 125};
	row->energy_j = energy_j;
	row->energy_per_iteration_mj = row->energy_per_item_mj = energy_j * 1000 / 4;
	row->energy_ci_j = row->mean_power_ci_w = row->energy_absolute_ci_j = unknown;
	row->mean_power_w = energy_j / 0.5;
	row->share = energy_j / 8;
	row->method = JM_METHOD_SHARE;
	row->is_estimated = row->resolvable = true;
}

/* The second layer has no energy: every exporter must show that as missing, with its reason. */
static inline const struct jm_result *small_result_init(struct small_result *s)
{
	memset(s, 0, sizeof(*s));
	jm_channel_init(&s->channel, "estimate/cpu");
	s->channel.state = JM_STATE_ESTIMATED;
	s->channels[0] = (struct jm_channel_result){.channel = &s->channel, .has_ledger = true, .energy_j = 8};
	s->channels[0].ledger = (struct jm_ledger){.expected = 100, .taken = 97, .late = 2, .missed = 3, .repeated = 5};
	s->channels[0].energy_ci_j = s->channels[0].energy_absolute_ci_j = (struct jm_interval){4, 16};
	s->channels[0].mean_power_w = 8;
	s->channels[0].std_power_w = NAN;
	s->channels[0].min_power_w = 7;
	s->channels[0].max_power_w = 9;
	small_result_row(&s->layers[0], "first, \"quoted\"", 2);
	s->layers[0].energy_ci_j = (struct jm_interval){1, 4};
	small_result_row(&s->layers[1], "second", NAN);
	s->layers[1].resolvable = false;
	snprintf(s->layers[1].reason, sizeof(s->layers[1].reason), "shorter than one reading");
	s->closure[0] = (struct jm_closure){.total_j = 8, .parts_j = 2, .unattributed_j = 6, .gaps_j = NAN};
	s->result.channels = s->channels;
	s->result.layers = s->layers;
	s->result.closure = s->closure;
	s->result.n_channels = s->result.n_closure = 1;
	s->result.n_layers = 2;
	s->result.run.distortion = NAN;
	s->result.run.exit_code = -1;
	s->result.own_cost = (struct jm_own_cost){0.5, 2, 4096, 0};
	return &s->result;
}

#endif
