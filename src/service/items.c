#include "service/items.h"

#include "core/error.h"
#include "core/json.h"
#include "core/text.h"

#include <stdlib.h>
#include <string.h>

/* Of one message; far from where a sum of them would no longer be exact as a double. */
#define COUNT_MAX INT64_C(1000000000)

struct entry {
	char item[JM_ITEMS_NAME_MAX], pod[JM_ITEMS_NAME_MAX];
	uint64_t count;
	uint32_t process;
};

struct scope {
	struct entry *entries;
	size_t n, max;
};

struct jm_items {
	struct jm_live *live;
	struct scope scopes[JM_N_ITEMS_SCOPES];
};

/* ---- What was told ---- */

/* Names become labels: none that would have to be changed, and so could become another's. */
static int read_name(struct jm_json *json, const struct jm_json_token *t, char *out, struct jm_error *err)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.:/-";
	size_t i;

	if (t->type != JM_JSON_STRING || t->n == 0 || t->n >= JM_ITEMS_NAME_MAX)
		return jm_json_error(json, t, err, "a name of 1 to %d characters is wanted", JM_ITEMS_NAME_MAX - 1);
	for (i = 0; i < t->n; i++)
		if (!t->text[i] || !strchr(allowed, t->text[i]))
			return jm_json_error(json, t, err, "a name has letters, digits and _ . : / -");
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
	bool is_count = jm_json_is(key, "count"), is_item = jm_json_is(key, "item"), is_pid = jm_json_is(key, "pid"),
	     is_pod = jm_json_is(key, "pod");
	struct jm_json_token t;
	int64_t count = 0;
	int rc;

	if (!is_count && !is_item && !is_pid && !is_pod)
		return jm_json_error(json, key, err,
				     "items are told by count, item, and pid or pod; there is nothing else");
	rc = jm_json_next(json, &t, err);
	if (rc)
		return rc;
	if (is_item)
		return read_name(json, &t, out->item, err);
	if (is_pod)
		return read_name(json, &t, out->pod, err);
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
	if (out->pid && out->pod[0])
		return jm_error_set(err, JM_E_INVALID, "items are of a process or of a pod, not of both");
	return out->count ? 0 : jm_error_set(err, JM_E_INVALID, "how many items were done is wanted: \"count\": 1");
}

/* ---- Sums ---- */

int jm_items_create(struct jm_live *live, struct jm_items **out)
{
	struct jm_items *items = calloc(1, sizeof(*items));
	int i;

	if (!items)
		return JM_E_NOMEM;
	items->live = live;
	for (i = 0; i < JM_N_ITEMS_SCOPES; i++) {
		struct scope *s = &items->scopes[i];

		s->max = i == JM_ITEMS_OF_ALL ? JM_ITEMS_MAX : JM_ITEMS_EACH_MAX;
		s->entries = calloc(s->max, sizeof(*s->entries));
		if (!s->entries) {
			jm_items_destroy(items);
			return JM_E_NOMEM;
		}
	}
	*out = items;
	return 0;
}

void jm_items_destroy(struct jm_items *items)
{
	struct scope *of_processes = items ? &items->scopes[JM_ITEMS_OF_PROCESS] : NULL;
	size_t i;

	if (!items)
		return;
	for (i = 0; i < of_processes->n; i++)
		jm_live_unwatch(items->live, of_processes->entries[i].process);
	for (i = 0; i < JM_N_ITEMS_SCOPES; i++)
		free(items->scopes[i].entries);
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
	struct scope *s = &items->scopes[JM_ITEMS_OF_PROCESS];
	size_t i, kept = 0;
	int64_t pid;

	for (i = 0; i < s->n; i++) {
		if (is_alive(items, s->entries[i].process, &pid))
			s->entries[kept++] = s->entries[i];
		else
			jm_live_unwatch(items->live, s->entries[i].process);
	}
	s->n = kept;
}

/* Nobody says when a pod has ended; none of its containers has processes under watch then. */
static void forget_pods(struct jm_items *items)
{
	struct scope *s = &items->scopes[JM_ITEMS_OF_POD];
	struct jm_live_container c;
	size_t i, kept = 0, at;
	bool is_there;

	for (i = 0; i < s->n; i++) {
		for (at = 0, is_there = false; !is_there && jm_live_next_container(items->live, &at, &c);)
			is_there = strcmp(c.pod, s->entries[i].pod) == 0;
		if (is_there)
			s->entries[kept++] = s->entries[i];
	}
	s->n = kept;
}

static bool is_same(const struct jm_items *items, enum jm_items_scope scope, const struct entry *e,
		    const struct jm_items_told *told)
{
	int64_t pid;

	if (strcmp(e->item, told->item) != 0)
		return false;
	if (scope == JM_ITEMS_OF_POD)
		return strcmp(e->pod, told->pod) == 0;
	return scope == JM_ITEMS_OF_ALL || (is_alive(items, e->process, &pid) && pid == told->pid);
}

static struct entry *find(struct jm_items *items, enum jm_items_scope scope, const struct jm_items_told *told)
{
	struct scope *s = &items->scopes[scope];
	size_t i;

	for (i = 0; i < s->n; i++)
		if (is_same(items, scope, &s->entries[i], told))
			return &s->entries[i];
	return NULL;
}

/* Gives the entry, a new one at none if need be. */
static int find_or_add(struct jm_items *items, enum jm_items_scope scope, const struct jm_items_told *told,
		       struct entry **out, struct jm_error *err)
{
	struct scope *s = &items->scopes[scope];
	uint32_t process = 0;
	int rc = 0;

	*out = find(items, scope, told);
	if (*out)
		return 0;
	if (s->n == s->max && scope == JM_ITEMS_OF_PROCESS)
		jm_items_tidy(items);
	if (s->n == s->max && scope == JM_ITEMS_OF_POD)
		forget_pods(items);
	if (s->n == s->max)
		return jm_error_set(err, JM_E_FULL, "items of more than %zu names, processes or pods", s->max);
	if (scope == JM_ITEMS_OF_PROCESS)
		rc = jm_live_watch(items->live, told->pid, &process, err);
	if (rc)
		return rc;
	*out = &s->entries[s->n++];
	**out = (struct entry){.count = 0, .process = process};
	memcpy((*out)->item, told->item, sizeof(told->item));
	memcpy((*out)->pod, told->pod, sizeof(told->pod));
	return 0;
}

int jm_items_add(struct jm_items *items, const struct jm_items_told *told, uint64_t *total_out, struct jm_error *err)
{
	enum jm_items_scope scope = told->pid ? JM_ITEMS_OF_PROCESS : told->pod[0] ? JM_ITEMS_OF_POD : JM_ITEMS_OF_ALL;
	struct scope *all = &items->scopes[JM_ITEMS_OF_ALL];
	struct entry *total, *own;
	int rc;

	/* Where the name cannot be had nothing else is begun. */
	if (!find(items, JM_ITEMS_OF_ALL, told) && all->n == all->max)
		return jm_error_set(err, JM_E_FULL, "more than %d names of items", JM_ITEMS_MAX);
	rc = find_or_add(items, scope, told, &own, err);
	rc = rc ? rc : find_or_add(items, JM_ITEMS_OF_ALL, told, &total, err);
	if (rc)
		return rc;
	if (own != total)
		own->count += told->count;
	total->count += told->count;
	*total_out = total->count;
	return 0;
}

bool jm_items_next(const struct jm_items *items, size_t *at, struct jm_items_sum *out)
{
	size_t i = (*at)++;
	int scope;

	for (scope = 0; scope < JM_N_ITEMS_SCOPES; i -= items->scopes[scope++].n) {
		const struct entry *e;

		if (i >= items->scopes[scope].n)
			continue;
		e = &items->scopes[scope].entries[i];
		*out = (struct jm_items_sum){(enum jm_items_scope)scope, e->item, e->pod, e->count, e->process};
		return true;
	}
	return false;
}
