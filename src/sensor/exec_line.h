/* The lines that a metering program prints, and the options that say how to read them. */
#ifndef SENSOR_EXEC_LINE_H
#define SENSOR_EXEC_LINE_H

#include "core/channel.h"

struct jm_exec_unit {
	const char *text;
	enum jm_quantity quantity;
	double scale; /* to the quantity's raw unit */
};

struct jm_exec_format {
	const struct jm_exec_unit *unit;
	char match[64]; /* the value is the first number after this text; empty: by column */
	int column;     /* of the value, from 1; 0: the only one, or the second of two */
	int time_column;
	int64_t window_ns, period_ns;
	char name[64];
};

/* Reads "KEY=VALUE;KEY=VALUE;COMMAND". *command_out: borrowed, within argument. Errors: JM_E_INVALID. */
int jm_exec_parse_options(const char *argument, struct jm_exec_format *format, const char **command_out,
			  struct jm_error *err);

/* Reads one line of n bytes. value_out: in the raw unit of format->unit's quantity; device_us_out: the line's own time,
 * 0 when it has none. A unit behind the number ("350mW", "12.5 W") overrides format->unit if it is of its quantity.
 * Errors: JM_E_FORMAT: the line has no value where one should be. Hot path safe. */
int jm_exec_parse_line(const struct jm_exec_format *format, const char *line, size_t n, int64_t *value_out,
		       int64_t *device_us_out);

#endif
