/* Two levels, inside iterations and between them, told apart through the sensor's response. Inside attribution/ only.
 *
 * Behind a rest a sensor goes on showing some of what ran before it, and before the rest's end it shows what comes (a delay is
 * taken off): readings taken as they stand book about tau * (P_busy - P_rest) too much to every rest. With rests not long
 * against the response that is most of what they show. So the two levels that explain the readings best are taken:
 *   y_k = sum over phases i of an iteration of a_ki P_i + (1 - sum a_ki) P_rest,   a_ki: forward.h
 * P_busy is the mean of the phases, which are told apart as far as the readings can: those beside a rest are what it is mixed
 * with. */
#ifndef ATTRIBUTION_LEVELS_H
#define ATTRIBUTION_LEVELS_H

#include "attribution/estimate.h"

/* Fills out for channel c. Not known: there are no rests, they are so long that it does not matter, the response is unknown, or the
 * readings do not tell. Errors: JM_E_NOMEM. */
int jm_two_levels(const struct jm_work *w, size_t c, const struct jm_response *r, struct jm_two_levels *out);

/* Fills levels from them, where they are known: what lies between iterations, and between the layers of one (where a device draws
 * at least what it draws in its rests; how much more, layers run alone cannot tell). Errors: JM_E_NOMEM. */
int jm_levels_of_rests(const struct jm_work *w, size_t c, const struct jm_response *r, struct jm_levels *levels);

#endif
