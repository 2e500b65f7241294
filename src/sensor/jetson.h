#ifndef SENSOR_JETSON_H
#define SENSOR_JETSON_H

#include "core/env.h"

/* Says whether the jetson driver reads the hwmon chip of that name on this machine, so that hwmon leaves it alone. */
bool jm_jetson_owns_chip(const struct jm_env *env, const char *chip);

#endif
