/* The sensor drivers, in order of preference: X(name) for a `const struct jm_sensor_driver jm_sensor_<name>`. */
#define JM_SENSOR_LIST(X)                                                                                              \
	X(rapl_perf)                                                                                                   \
	X(rapl_powercap)                                                                                               \
	X(nvml)                                                                                                        \
	X(hwmon)                                                                                                       \
	X(jetson)                                                                                                      \
	X(battery)                                                                                                     \
	X(exec)                                                                                                        \
	X(estimate)                                                                                                    \
	X(replay)
