/* Unit conversions. Integers carry readings (ns, uJ, uW); doubles appear from attribution onwards (s, J, W). */
#ifndef CORE_UNITS_H
#define CORE_UNITS_H

#include <stdint.h>

#define JM_NS_PER_S  INT64_C(1000000000)
#define JM_NS_PER_MS INT64_C(1000000)
#define JM_NS_PER_US INT64_C(1000)
#define JM_UW_PER_W  INT64_C(1000000)

static inline double jm_s_from_ns(int64_t ns)
{
	return (double)ns * 1e-9;
}

static inline double jm_si_from_micro(int64_t micro)
{
	return (double)micro * 1e-6;
}

#endif
