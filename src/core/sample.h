/* A sample: one reading of one channel at one time. */
#ifndef CORE_SAMPLE_H
#define CORE_SAMPLE_H

#include <stdint.h>

/* OK: a reading. GAP: a reading was due and none came; value means nothing and is never used. */
enum jm_sample_status { JM_SAMPLE_OK, JM_SAMPLE_GAP };

struct jm_sample {
	/* CLOCK_MONOTONIC, middle of the read; or the device's own time brought to that clock */
	int64_t t_ns;
	int64_t value;          /* raw, in the channel's quantity unit (uJ, uW, ...) */
	int64_t device_us;      /* the device's own timestamp as it gave it; 0: it gives none */
	uint32_t half_width_ns; /* half of the time the read took: t_ns is uncertain by this much */
	uint16_t channel;       /* index in the session's channel set */
	uint8_t status;         /* enum jm_sample_status */
	uint8_t reserved;
};

#endif
