/* Options that all commands share which make a recording. settings: a struct with the fields period_ns, sensors, output,
 * is_forced, baseline, carbon, price, as far as it takes the options. */
#ifndef CLI_RECORDING_OPTIONS_H
#define CLI_RECORDING_OPTIONS_H

#include "cli/cli.h"

#define JM_CLI_PERIOD(settings)                                                                                        \
	{                                                                                                              \
		'i', "interval", "PERIOD", "time between readings (default 10ms)", JM_OPTION_DURATION,                 \
		    offsetof(settings, period_ns)                                                                      \
	}
#define JM_CLI_SENSORS(settings)                                                                                       \
	{                                                                                                              \
		's', "sensors", "LIST", "drivers to use: DRIVER[:ARGUMENT],... (see joulemap sensors)",                \
		    JM_OPTION_TEXT, offsetof(settings, sensors)                                                        \
	}
#define JM_CLI_OUTPUT(settings)                                                                                        \
	{                                                                                                              \
		'o', "output", "FILE", "recording to write (default joulemap-DATE-TIME.jmap)", JM_OPTION_TEXT,         \
		    offsetof(settings, output)                                                                         \
	}
#define JM_CLI_FORCE(settings)                                                                                         \
	{                                                                                                              \
		'f', "force", NULL, "overwrite an existing file", JM_OPTION_FLAG, offsetof(settings, is_forced)        \
	}
#define JM_CLI_BASELINE(settings)                                                                                      \
	{                                                                                                              \
		0, "baseline", "FILE", "idle recording to compare with, or none", JM_OPTION_TEXT,                      \
		    offsetof(settings, baseline)                                                                       \
	}

#define JM_CLI_CARBON(settings)                                                                                        \
	{                                                                                                              \
		0, "carbon", "G_PER_KWH", "your grid's g CO2e by kWh: says what the energy comes to", JM_OPTION_TEXT,  \
		    offsetof(settings, carbon)                                                                         \
	}
#define JM_CLI_PRICE(settings)                                                                                         \
	{                                                                                                              \
		0, "price", "PER_KWH", "your price of a kWh, such as 0.30EUR: says what the energy costs",             \
		    JM_OPTION_TEXT, offsetof(settings, price)                                                          \
	}

#endif
