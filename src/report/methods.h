/* Several methods of attribution side by side. */
#ifndef REPORT_METHODS_H
#define REPORT_METHODS_H

#include "export/export.h"

/* What one method, which was asked for, gave. */
struct jm_method_column {
	enum jm_method asked;
	const struct jm_result *result;
	double rests_s, blocks_s; /* of the recording: rests between inferences, blocks of layers alone */
	double report_s;          /* of the machine, now */
};

/* Appends one table a channel: the layers, by the energy the first column gives them, with each method's energy per iteration
 * and its 95 % interval; then what each method says of itself. A figure that another method gave in its place names it; "-" is
 * no figure. Below: what layers of a type draw in place against alone, where isolate and fused are among the columns; what each
 * method says of itself and what it cost. view: limit, is_colour and width count. Errors: JM_E_NOMEM. */
int jm_report_methods(const struct jm_method_column *columns, size_t n_columns, const struct jm_view *view,
		      struct jm_buffer *out, struct jm_error *err);

#endif
