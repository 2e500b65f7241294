#include "core/timeline.h"

#include <stdlib.h>

void jm_timeline_destroy(struct jm_timeline *t)
{
	if (!t)
		return;
	free(t->power_w);
	free(t->busy_s);
	free(t->done_s);
	free(t->first_sample);
	free((void *)t->temperatures);
	free(t->temperature_c);
	free(t);
}
