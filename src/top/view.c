#include "top/view.h"

#include "core/display.h"
#include "core/grow.h"
#include "core/units.h"
#include "report/cells.h"
#include "report/table.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SPARK_MIN 8
#define SPARK_MAX 60
/* On fewer rows each is wanted for a process. */
#define OWN_COST_ROWS 12
/* Columns of the other cells of a channel. */
#define CHANNEL_COLUMNS 72

void jm_top_spark(const double *values, size_t n, size_t columns, bool is_utf8, char *out)
{
	static const char *const blocks[] = {"\u2581", "\u2582", "\u2583", "\u2584",
					     "\u2585", "\u2586", "\u2587", "\u2588"};
	static const char *const ascii[] = {"_", ".", ":", "-", "=", "+", "*", "#"};
	double most = 0;
	size_t i, first = n > columns ? n - columns : 0;

	*out = '\0';
	for (i = first; i < n; i++)
		most = values[i] > most ? values[i] : most;
	for (i = n - first; i < columns; i++)
		out = stpcpy(out, " ");
	for (i = first; i < n; i++) {
		int level = most > 0 ? (int)(values[i] / most * 7.999) : 0;

		if (isnan(values[i]))
			out = stpcpy(out, " ");
		else
			out = stpcpy(out, (is_utf8 ? blocks : ascii)[level < 0 ? 0 : level]);
	}
}

void jm_top_lines_finish(struct jm_top_lines *lines)
{
	size_t i;

	for (i = 0; i < lines->n; i++)
		free(lines->items[i].text);
	free(lines->items);
	memset(lines, 0, sizeof(*lines));
}

/* Adds n bytes as a line, cut to the width. */
static void add(struct jm_top_lines *out, const struct jm_top_size *size, enum jm_top_style style, const char *text,
		size_t n)
{
	char *copy = strndup(text, n), *c;

	if (!copy || !jm_grow(&out->items, &out->capacity, out->n, sizeof(*out->items))) {
		out->is_failed = true;
		free(copy);
		return;
	}
	for (c = copy; *c && !size->is_utf8; c++)
		*c = (unsigned char)*c < 0x80 ? *c : '?';
	if (size->columns > 0)
		copy[jm_display_fit(copy, (size_t)size->columns, NULL)] = '\0';
	out->items[out->n++] = (struct jm_top_line){copy, style};
}

static void say(struct jm_top_lines *out, const struct jm_top_size *size, enum jm_top_style style, const char *format,
		...) __attribute__((format(printf, 4, 5)));

static void say(struct jm_top_lines *out, const struct jm_top_size *size, enum jm_top_style style, const char *format,
		...)
{
	struct jm_buffer b = {0};
	va_list args;

	va_start(args, format);
	jm_display_vtext(&b, format, args);
	va_end(args);
	if (b.is_failed)
		out->is_failed = true;
	else
		add(out, size, style, b.data ? b.data : "", b.n);
	jm_buffer_finish(&b);
}

/* Adds a table, its first row as a heading. */
static void add_table(struct jm_top_lines *out, const struct jm_top_size *size, struct jm_cells *cells, size_t shrink)
{
	struct jm_buffer b = {0};
	const char *line, *end;
	bool is_head = true;

	cells->is_quiet = true;
	if (jm_cells_print(cells, shrink, size->columns, false, &b) || !jm_buffer_terminate(&b)) {
		out->is_failed = true;
		jm_buffer_finish(&b);
		return;
	}
	for (line = b.data; (end = strchr(line, '\n')); line = end + 1) {
		add(out, size, is_head ? JM_TOP_HEAD : JM_TOP_PLAIN, line, (size_t)(end - line));
		is_head = false;
	}
	jm_buffer_finish(&b);
}

static void quantity(struct jm_cells *cells, double value, const char *unit)
{
	char text[32];

	jm_report_quantity(value, unit, text, sizeof(text));
	jm_cells_add(cells, "%s", text);
}

static void title(const struct jm_top *top, const struct jm_top_size *size, struct jm_top_lines *out)
{
	time_t now = (time_t)(top->realtime_ns / JM_NS_PER_S);
	int64_t up_s = (top->updated_ns - top->started_ns) / JM_NS_PER_S;
	struct tm local;
	char clock[16] = "";

	if (localtime_r(&now, &local))
		strftime(clock, sizeof(clock), "%H:%M:%S", &local);
	say(out, size, JM_TOP_TITLE, "joulemap top  %s  for %lld:%02d:%02d  %zu channel%s  %zu processes%s", clock,
	    (long long)(up_s / 3600), (int)(up_s / 60 % 60), (int)(up_s % 60), top->n_channels,
	    top->n_channels == 1 ? "" : "s", top->n_processes, top->is_paused ? "  PAUSED" : "");
}

static void ledger_cell(struct jm_cells *cells, const struct jm_top_channel *c)
{
	if (c->n_expected == 0)
		jm_cells_add(cells, "-");
	else
		jm_cells_add(cells, "%.1f %%", 100 * (double)c->n_taken / (double)c->n_expected);
}

static void channels(const struct jm_top *top, const struct jm_top_size *size, struct jm_top_lines *out)
{
	struct jm_cells cells = {
	    .n_columns = 7, .is_left = {true, false, true, false, false, false, true}, .spare = {0, 0, 1, 0, 2, 3, 0}};
	size_t columns = size->columns > CHANNEL_COLUMNS ? (size_t)(size->columns - CHANNEL_COLUMNS)
			 : size->columns                 ? SPARK_MIN
							 : 30;
	char spark[3 * SPARK_MAX + 1];
	size_t i;

	columns = columns > SPARK_MAX ? SPARK_MAX : columns < SPARK_MIN ? SPARK_MIN : columns;
	jm_cells_add(&cells, "CHANNEL");
	jm_cells_add(&cells, "POWER");
	jm_cells_add(&cells, "LATELY");
	jm_cells_add(&cells, "ENERGY");
	jm_cells_add(&cells, "READINGS");
	jm_cells_add(&cells, "LATE");
	jm_cells_add(&cells, "STATE");
	for (i = 0; i < top->n_channels; i++) {
		const struct jm_top_channel *c = &top->channels[i];

		if (!c->is_counted)
			continue;
		jm_top_spark(c->history_w, c->n_history, columns, size->is_utf8, spark);
		jm_cells_add(&cells, "%s", c->name);
		quantity(&cells, c->power_w, "W");
		jm_cells_add(&cells, "%s", spark);
		quantity(&cells, c->energy_j, "J");
		ledger_cell(&cells, c);
		jm_cells_add(&cells, "%llu", (unsigned long long)c->n_late);
		jm_cells_add(&cells, "%s", c->is_lost ? "LOST" : c->state);
	}
	add_table(out, size, &cells, 0);
}

static void split(const struct jm_top *top, const struct jm_top_size *size, struct jm_top_lines *out)
{
	const struct jm_top_split *s = &top->split;
	char processes[32], idle[32], others[32], unknown[32];

	if (!(s->all_w > 0)) {
		if (top->split_reason[0])
			say(out, size, JM_TOP_WARNING, "not split over processes: %s", top->split_reason);
		return;
	}
	jm_report_quantity(s->processes_w, "W", processes, sizeof(processes));
	jm_report_quantity(s->idle_w, "W", idle, sizeof(idle));
	jm_report_quantity(s->others_w, "W", others, sizeof(others));
	jm_report_quantity(s->unattributed_w, "W", unknown, sizeof(unknown));
	say(out, size, JM_TOP_DIM, "to processes %s, idle machine %s, processes not watched %s, unattributed %s",
	    processes, idle, others, unknown);
}

static void own_cost(const struct jm_top *top, const struct jm_top_size *size, struct jm_top_lines *out)
{
	struct jm_buffer text = {0};

	jm_own_cost_text(&top->own_cost, &text);
	if (jm_buffer_terminate(&text))
		say(out, size, JM_TOP_DIM, "own cost %s", text.data);
	out->is_failed = out->is_failed || text.is_failed;
	jm_buffer_finish(&text);
}

static double key_of(const struct jm_top_process *p, enum jm_top_sort sort)
{
	return sort == JM_TOP_BY_POWER    ? p->power_w
	       : sort == JM_TOP_BY_CPU    ? p->cpu_fraction
	       : sort == JM_TOP_BY_ENERGY ? p->energy_j
	       : sort == JM_TOP_BY_MEMORY ? (double)p->rss_bytes
					  : -(double)p->pid;
}

/* Unknown values go last; equal ones by their number, so that rows do not dance. */
static int compare_by(const struct jm_top_process *a, const struct jm_top_process *b, enum jm_top_sort sort)
{
	double x = key_of(a, sort), y = key_of(b, sort);
	int order = sort == JM_TOP_BY_NAME ? strcmp(a->name, b->name)
		    : isnan(x) || isnan(y) ? isnan(x) - isnan(y)
					   : (x < y) - (x > y);

	return order ? order : (a->pid > b->pid) - (a->pid < b->pid);
}

#define COMPARE(name, text, key)                                                                                       \
	static int compare_##name(const void *a, const void *b)                                                        \
	{                                                                                                              \
		return compare_by(*(const struct jm_top_process *const *)a, *(const struct jm_top_process *const *)b,  \
				  JM_TOP_BY_##name);                                                                   \
	}
JM_TOP_SORT_LIST(COMPARE)
#undef COMPARE

/* Gives pointers to all processes in the order asked for; free(). NULL: no memory. */
static const struct jm_top_process **sorted(const struct jm_top *top)
{
#define ENTRY(name, text, key) compare_##name,
	static int (*const orders[])(const void *, const void *) = {JM_TOP_SORT_LIST(ENTRY)};
#undef ENTRY
	const struct jm_top_process **list = malloc((top->n_processes + 1) * sizeof(*list)), *swap;
	size_t i;

	for (i = 0; list && i < top->n_processes; i++)
		list[i] = &top->processes[i];
	if (list)
		qsort(list, top->n_processes, sizeof(*list), orders[top->sort]);
	for (i = 0; list && top->is_reversed && i < top->n_processes / 2; i++) {
		swap = list[i];
		list[i] = list[top->n_processes - 1 - i];
		list[top->n_processes - 1 - i] = swap;
	}
	return list;
}

static void percent(struct jm_cells *cells, double fraction)
{
	if (isfinite(fraction))
		jm_cells_add(cells, "%.1f", 100 * fraction);
	else
		jm_cells_add(cells, "-");
}

static void process(struct jm_cells *cells, const struct jm_top *top, const struct jm_top_process *p)
{
	jm_cells_add(cells, "%lld", (long long)p->pid);
	quantity(cells, top->split.all_w > 0 ? p->power_w : NAN, "W");
	percent(cells, p->share);
	percent(cells, p->cpu_fraction);
	if (top->has_gpu)
		quantity(cells, p->gpu_w, "W");
	quantity(cells, p->energy_j, "J");
	if (p->rss_bytes >= 0)
		jm_cells_add(cells, "%.0f", (double)p->rss_bytes / 1048576);
	else
		jm_cells_add(cells, "-");
	if (top->has_containers)
		jm_cells_add(cells, "%s", p->container[0] ? p->container : "-");
	jm_cells_add(cells, "%s", p->name[0] ? p->name : "-");
}

static void set_column(struct jm_cells *cells, const char *head, unsigned char spare)
{
	cells->spare[cells->n_columns++] = spare;
	jm_cells_add(cells, "%s", head);
}

static void processes(const struct jm_top *top, const struct jm_top_size *size, size_t n_max, struct jm_top_lines *out)
{
	const struct jm_top_process **list = sorted(top);
	struct jm_cells cells = {.n_columns = 0};
	size_t i, first = top->first_row < top->n_processes ? top->first_row : 0;

	if (!list) {
		out->is_failed = true;
		return;
	}
	set_column(&cells, "PID", 0);
	set_column(&cells, "POWER", 0);
	set_column(&cells, "SHARE %", 2);
	set_column(&cells, "CPU %", 1);
	if (top->has_gpu)
		set_column(&cells, "GPU", 4);
	set_column(&cells, "ENERGY", 3);
	set_column(&cells, "MiB", 6);
	if (top->has_containers) {
		cells.is_left[cells.n_columns] = true;
		set_column(&cells, "CONTAINER", 5);
	}
	cells.is_left[cells.n_columns] = true;
	set_column(&cells, "PROCESS", 0);
	for (i = first; i < top->n_processes && i - first < n_max; i++)
		process(&cells, top, list[i]);
	out->n_rows = i - first;
	free((void *)list);
	add_table(out, size, &cells, cells.n_columns - 1);
}

static void help(const struct jm_top_size *size, struct jm_top_lines *out)
{
	static const char *const lines[] = {
	    "",
	    "  q            end",
	    "  p, space     pause: sensors are read on",
	    "  s            next order: power, cpu, energy, memory, name, pid",
	    "  w c e m n i  order by poWer, Cpu, Energy, Memory, Name, pId",
	    "  r            turn the order round",
	    "  up, down     scroll; also j k, PgUp PgDn, Home, End",
	    "  h, ?         this",
	    "",
	    "  POWER of a channel is that of the time since the last screen, ENERGY since the start.",
	    "  READINGS: how many of those due came. LATELY goes from 0 to the largest shown; blank: nothing was read.",
	    "  POWER of a process is its share of the channels that can be split; CPU 100 % is one processor.",
	};
	size_t i;

	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		say(out, size, JM_TOP_PLAIN, "%s", lines[i]);
}

/* Rows left for processes: all but those above, their heading and the line of keys. */
static size_t room(const struct jm_top_size *size, const struct jm_top_lines *out)
{
	size_t used = out->n + 1 + size->has_keys, n = SIZE_MAX;

	if (size->rows > 0)
		n = (size_t)size->rows > used ? (size_t)size->rows - used : 0;
	return size->n_processes && size->n_processes < n ? size->n_processes : n;
}

static void trim(const struct jm_top_size *size, struct jm_top_lines *out)
{
	size_t most = size->rows > 0 ? (size_t)size->rows - (size->has_keys && size->rows > 1) : SIZE_MAX;

	while (out->n > most)
		free(out->items[--out->n].text);
	while (size->rows > 0 && size->has_keys && out->n < most && !out->is_failed)
		add(out, size, JM_TOP_PLAIN, "", 0);
}

int jm_top_view(const struct jm_top *top, const struct jm_top_size *size, struct jm_top_lines *out)
{
	jm_top_lines_finish(out);
	title(top, size, out);
	channels(top, size, out);
	if (top->note[0])
		say(out, size, JM_TOP_WARNING, "%s", top->note);
	if (top->is_help) {
		help(size, out);
	} else {
		split(top, size, out);
		if (size->rows <= 0 || size->rows >= OWN_COST_ROWS)
			own_cost(top, size, out);
		say(out, size, JM_TOP_PLAIN, "%s", "");
		processes(top, size, room(size, out), out);
	}
	trim(size, out);
	if (size->has_keys && size->rows != 1)
		say(out, size, JM_TOP_BAR, "q end  p pause  s order: %s%s  h help", jm_top_sort_text(top->sort),
		    top->is_reversed ? ", reversed" : "");
	return out->is_failed ? JM_E_NOMEM : 0;
}
