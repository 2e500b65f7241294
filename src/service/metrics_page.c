#include "service/metrics_page.h"

#include <string.h>

/* Names a family. OpenMetrics names a counter without _total, the older format with it. */
void jm_metrics_family(struct jm_metrics_page *p, const char *name, const char *type, const char *help)
{
	const char *total = !p->is_open && strcmp(type, "counter") == 0 ? "_total" : "";

	jm_buffer_printf(p->b, "# HELP %s%s %s\n# TYPE %s%s %s\n", name, total, help, name, total, type);
}

static void put_value(struct jm_buffer *b, const char *text)
{
	const char *c;

	for (c = text; *c; c++) {
		if (*c == '\n')
			jm_buffer_puts(b, "\\n");
		else if (*c == '"' || *c == '\\')
			jm_buffer_append(b, (const char[]){'\\', *c}, 2);
		else if ((unsigned char)*c < 0x20 || (unsigned char)*c >= 0x7f)
			jm_buffer_puts(b, "?"); /* names of processes are any bytes; labels are UTF-8 */
		else
			jm_buffer_append(b, c, 1);
	}
}

void jm_metrics_label(struct jm_metrics_page *p, const char *key, const char *value)
{
	jm_buffer_printf(p->b, "%s%s=\"", p->b->data[p->b->n - 1] == '{' ? "" : ",", key);
	put_value(p->b, value);
	jm_buffer_puts(p->b, "\"");
}

void jm_metrics_number(struct jm_metrics_page *p, double value)
{
	jm_buffer_puts(p->b, " ");
	jm_buffer_json_number(p->b, value);
	jm_buffer_puts(p->b, "\n");
}

void jm_metrics_single(struct jm_metrics_page *p, const char *name, double value)
{
	jm_buffer_puts(p->b, name);
	jm_metrics_number(p, value);
}

void jm_metrics_labelled(struct jm_metrics_page *p, const char *name, const char *key, const char *label, double value)
{
	jm_buffer_printf(p->b, "%s{", name);
	jm_metrics_label(p, key, label);
	jm_buffer_puts(p->b, "}");
	jm_metrics_number(p, value);
}
