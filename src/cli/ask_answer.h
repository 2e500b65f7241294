/* What a service answers to joulemap ask: read with distrust, whatever it is that listens there. */
#ifndef CLI_ASK_ANSWER_H
#define CLI_ASK_ANSWER_H

#include "core/own_cost.h"

#define JM_ANSWER_DEVICES 3 /* cpu, gpu, dram */

/* What is told of one process, or of the machine. */
struct jm_answer_row {
	bool is_machine;
	int64_t pid; /* of a process; 0: not told */
	char name[64];
	struct {
		bool is_known, is_estimated;
		double energy_j, power_w;
	} devices[JM_ANSWER_DEVICES];
};

/* Gives each row of the answer about one measurement (n bytes of JSON) to take, in order, and what the service itself took
 * (cost_out; unknown where it is not told). Errors: JM_E_FORMAT: no such answer; rows may
 * have been taken before that is seen. */
int jm_answer_rows(const char *text, size_t n, void (*take)(void *ctx, const struct jm_answer_row *row), void *ctx,
		   struct jm_own_cost *cost_out, struct jm_error *err);
/* Finds a member of the outermost object that is a text, or a number: writes it whole. Errors: JM_E_FORMAT: none of the two, longer than
 * size, or with a zero byte; JM_E_NOT_FOUND. */
int jm_answer_member(const char *text, size_t n, const char *name, char *out, size_t size, struct jm_error *err);

#endif
