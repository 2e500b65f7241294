/* What the report says of devices besides their power. */
#ifndef REPORT_DEVICES_H
#define REPORT_DEVICES_H

#include "core/result.h"
#include "core/text.h"

/* Writes a few lines a device: which it is, clocks and heat, what held it down, whether counter and readings agree. */
void jm_report_devices(const struct jm_result *r, struct jm_buffer *out);

#endif
