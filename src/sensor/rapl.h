/* What the two ways to RAPL share. */
#ifndef SENSOR_RAPL_H
#define SENSOR_RAPL_H

#include "sensor/sensor.h"

/* The registers are updated about once a millisecond (Intel SDM vol. 3B, 15.10). */
#define JM_RAPL_UPDATE_NS INT64_C(1000000)

/* Says whether this machine cannot show RAPL by any means (virtual, or not x86); then fills why. */
bool jm_rapl_is_impossible(const struct jm_env *env, struct jm_error *why);

#endif
