#include "service/items.h"

#include "core/error.h"
#include "core/json.h"
#include "core/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of one message; far from where a sum of them would no longer be exact as a double. */
#define COUNT_MAX INT64_C(1000000000)

struct entry {
	char item[JM_ITEMS_NAME_MAX];
	uint64_t count;
	uint32_t process;
};

struct jm_items {
	struct jm_live *live;
	struct entry all[JM_ITEMS_MAX], of_processes[JM_ITEMS_PROCESS_MAX];
	size_t n_all, n_of_processes;
};

/* ---- What was told ---- */

/* Names become labels: none that would have to be changed, and so could become another's. */
static int read_name(struct jm_json *json, const struct jm_json_token *t, char *out, struct jm_error *err)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.:/-";
	size_t i;

	if (t->type != JM_JSON_STRING || t->n == 0 || t->n >= JM_ITEMS_NAME_MAX)
		return jm_json_error(json, t, err, "item wants a name of 1 to %d characters", JM_ITEMS_NAME_MAX - 1);
	for (i = 0; i < t->n; i++)
		if (!t->text[i] || !strchr(allowed, t->text[i]))
			return jm_json_error(json, t, err, "the name of an item has letters, digits and _ . : / -");
	memcpy(out, t->text, t->n);
	out[t->n] = '\0';
	return 0;
}

static int read_whole(struct jm_json *json, const struct jm_json_token *t, int64_t max, int64_t *out,
		      struct jm_error *err)
{
	int64_t value;

	if (t->type != JM_JSON_NUMBER || jm_text_i64(t->text, t->n, &value) || value < 1 || value > max)
		return jm_json_error(json, t, err, "a whole number from 1 to %lld is wanted", (long long)max);
	*out = value;
	return 0;
}

static int read_member(struct jm_json *json, const struct jm_json_token *key, struct jm_items_told *out,
		       struct jm_error *err)
{
	bool is_count = jm_json_is(key, "count"), is_item = jm_json_is(key, "item"), is_pid = jm_json_is(key, "pid");
	struct jm_json_token t;
	int64_t count;
	int rc;

	if (!is_count && !is_item && !is_pid)
		return jm_json_error(json, key, err, "items are told by count, item and pid; there is nothing else");
	rc = jm_json_next(json, &t, err);
	if (rc)
		return rc;
	if (is_item)
		return read_name(json, &t, out->item, err);
	if (is_pid)
		return read_whole(json, &t, INT32_MAX, &out->pid, err);
	rc = read_whole(json, &t, COUNT_MAX, &count, err);
	if (rc == 0)
		out->count = (uint64_t)count;
	return rc;
}

static int read_document(struct jm_json *json, struct jm_items_told *out, struct jm_error *err)
{
	struct jm_json_token t;
	int rc = jm_json_next(json, &t, err);

	if (rc)
		return rc;
	if (t.type != JM_JSON_OBJECT)
		return jm_json_error(json, &t, err, "items are told by an object: {\"count\": 1}");
	while ((rc = jm_json_next(json, &t, err)) == 0 && t.type != JM_JSON_OBJECT_END)
		if ((rc = read_member(json, &t, out, err)))
			return rc;
	/* Nothing may follow. */
	return rc ? rc : jm_json_next(json, &t, err);
}

int jm_items_read(const char *text, size_t n, struct jm_items_told *out, struct jm_error *err)
{
	struct jm_json *json;
	int rc = jm_json_open("items", text, n, &json, err);

	if (rc)
		return rc;
	*out = (struct jm_items_told){.item = "inference"};
	rc = read_document(json, out, err);
	jm_json_close(json);
	if (rc)
		return rc;
	return out->count ? 0 : jm_error_set(err, JM_E_INVALID, "how many items were done is wanted: \"count\": 1");
}

/* ---- Sums ---- */

int jm_items_create(struct jm_live *live, struct jm_items **out)
{
	struct jm_items *items = calloc(1, sizeof(*items));

	if (!items)
		return JM_E_NOMEM;
	items->live = live;
	*out = items;
	return 0;
}

void jm_items_destroy(struct jm_items *items)
{
	size_t i;

	if (!items)
		return;
	for (i = 0; i < items->n_of_processes; i++)
		jm_live_unwatch(items->live, items->of_processes[i].process);
	free(items);
}

static bool is_alive(const struct jm_items *items, uint32_t process, int64_t *pid_out)
{
	struct jm_live_process p;

	if (jm_live_process(items->live, process, &p) || p.is_gone)
		return false;
	*pid_out = p.pid;
	return true;
}

void jm_items_tidy(struct jm_items *items)
{
	size_t i, kept = 0;
	int64_t pid;

	for (i = 0; i < items->n_of_processes; i++) {
		if (is_alive(items, items->of_processes[i].process, &pid))
			items->of_processes[kept++] = items->of_processes[i];
		else
			jm_live_unwatch(items->live, items->of_processes[i].process);
	}
	items->n_of_processes = kept;
}

static struct entry *find_all(struct jm_items *items, const char *item)
{
	size_t i;

	for (i = 0; i < items->n_all; i++)
		if (strcmp(items->all[i].item, item) == 0)
			return &items->all[i];
	return NULL;
}

static struct entry *find_process(struct jm_items *items, const struct jm_items_told *told)
{
	size_t i;
	int64_t pid;

	for (i = 0; i < items->n_of_processes; i++) {
		struct entry *e = &items->of_processes[i];

		if (strcmp(e->item, told->item) == 0 && is_alive(items, e->process, &pid) && pid == told->pid)
			return e;
	}
	return NULL;
}

static struct entry *take_entry(struct entry *entries, size_t *n, const char *item)
{
	struct entry *e = &entries[(*n)++];

	*e = (struct entry){.count = 0};
	memcpy(e->item, item, sizeof(e->item));
	return e;
}

static int add_to_process(struct jm_items *items, const struct jm_items_told *told, struct jm_error *err)
{
	struct entry *e = find_process(items, told);
	uint32_t process;
	int rc;

	if (!e) {
		if (items->n_of_processes == JM_ITEMS_PROCESS_MAX)
			jm_items_tidy(items);
		if (items->n_of_processes == JM_ITEMS_PROCESS_MAX)
			return jm_error_set(err, JM_E_FULL, "items of more than %d processes", JM_ITEMS_PROCESS_MAX);
		rc = jm_live_watch(items->live, told->pid, &process, err);
		if (rc)
			return rc;
		e = take_entry(items->of_processes, &items->n_of_processes, told->item);
		e->process = process;
	}
	e->count += told->count;
	return 0;
}

int jm_items_add(struct jm_items *items, const struct jm_items_told *told, uint64_t *total_out, struct jm_error *err)
{
	struct entry *e = find_all(items, told->item);
	int rc;

	if (!e && items->n_all == JM_ITEMS_MAX)
		return jm_error_set(err, JM_E_FULL, "more than %d names of items", JM_ITEMS_MAX);
	rc = told->pid ? add_to_process(items, told, err) : 0;
	if (rc)
		return rc;
	e = e ? e : take_entry(items->all, &items->n_all, told->item);
	e->count += told->count;
	*total_out = e->count;
	return 0;
}

bool jm_items_next(const struct jm_items *items, size_t *at, struct jm_items_sum *out)
{
	size_t i = (*at)++;
	bool is_of_process = i >= items->n_all;
	const struct entry *e;

	if (i >= items->n_all + items->n_of_processes)
		return false;
	e = is_of_process ? &items->of_processes[i - items->n_all] : &items->all[i];
	*out = (struct jm_items_sum){e->item, e->count, is_of_process, e->process};
	return true;
}
