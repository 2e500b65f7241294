#include "process/parse.h"

#include "core/text.h"

#include <string.h>

/* A walk over numbers between blanks. */
struct words {
	const char *at, *end;
};

static bool next_word(struct words *w, const char **word, size_t *n)
{
	while (w->at < w->end && (*w->at == ' ' || *w->at == '\t'))
		w->at++;
	*word = w->at;
	while (w->at < w->end && *w->at != ' ' && *w->at != '\t' && *w->at != '\n')
		w->at++;
	*n = (size_t)(w->at - *word);
	return *n > 0;
}

/* Hot: the general parser would look at each digit twice. */
static bool next_u64(struct words *w, uint64_t *out)
{
	const char *word;
	uint64_t value = 0;
	size_t n, i;

	if (!next_word(w, &word, &n) || n > 19)
		return false;
	for (i = 0; i < n; i++) {
		if (word[i] < '0' || word[i] > '9')
			return false;
		value = value * 10 + (uint64_t)(word[i] - '0');
	}
	*out = value;
	return true;
}

/* Fields that are not wanted may be negative or above 2^63. */
static bool skip_words(struct words *w, int count)
{
	const char *word;
	size_t n;

	while (count-- > 0)
		if (!next_word(w, &word, &n))
			return false;
	return true;
}

static const char *find_last(const char *text, size_t n, char c)
{
	while (n-- > 0)
		if (text[n] == c)
			return text + n;
	return NULL;
}

int jm_proc_parse_stat(const char *text, size_t n, struct jm_proc_stat *out)
{
	const char *open = memchr(text, '(', n), *close = find_last(text, n, ')'), *word;
	struct words w;
	uint64_t parent, user, system, reaped_user, reaped_system, threads, start, rss;
	size_t length;

	if (!open || !close || close < open)
		return JM_E_FORMAT;
	w = (struct words){close + 1, text + n};
	/* state ppid [pgrp .. cmajflt] utime stime cutime cstime [priority nice] num_threads [itrealvalue] starttime [vsize] rss */
	if (!next_word(&w, &word, &length) || length != 1 || !next_u64(&w, &parent) || !skip_words(&w, 9) ||
	    !next_u64(&w, &user) || !next_u64(&w, &system) || !next_u64(&w, &reaped_user) ||
	    !next_u64(&w, &reaped_system) || !skip_words(&w, 2) || !next_u64(&w, &threads) || !skip_words(&w, 1) ||
	    !next_u64(&w, &start) || !skip_words(&w, 1) || !next_u64(&w, &rss))
		return JM_E_FORMAT;
	length = (size_t)(close - open - 1);
	length = length < JM_COMM_MAX ? length : JM_COMM_MAX - 1;
	memcpy(out->comm, open + 1, length);
	out->comm[length] = '\0';
	out->state = *word;
	out->parent_pid = (int64_t)parent;
	out->n_threads = (int64_t)threads;
	out->cpu_ticks = user + system;
	out->reaped_ticks = reaped_user + reaped_system;
	out->start_ticks = start;
	out->rss_pages = (int64_t)rss;
	return 0;
}

static bool begins_with(const char *line, size_t n, const char *prefix)
{
	size_t length = strlen(prefix);

	return n >= length && memcmp(line, prefix, length) == 0;
}

static size_t line_length(const char *line, const char *end)
{
	const char *stop = memchr(line, '\n', (size_t)(end - line));

	return (size_t)((stop ? stop : end) - line);
}

int jm_proc_parse_machine(const char *text, size_t n, struct jm_proc_machine *out)
{
	const char *line = text, *end = text + n;
	struct jm_proc_machine m = {0};
	bool has_total = false;

	while (line < end) {
		size_t length = line_length(line, end);
		struct words w = {line, line + length};
		uint64_t idle, wait, steal = 0;

		if (begins_with(line, length, "cpu ")) {
			/* cpu user nice system idle iowait irq softirq steal */
			if (!skip_words(&w, 4) || !next_u64(&w, &idle) || !next_u64(&w, &wait))
				return JM_E_FORMAT;
			if (skip_words(&w, 2) && !next_u64(&w, &steal))
				steal = 0; /* before Linux 2.6.11 */
			m.idle_ticks = idle + wait + steal;
			has_total = true;
		} else if (begins_with(line, length, "cpu")) {
			m.n_cpus++;
		} else if (begins_with(line, length, "processes ")) {
			skip_words(&w, 1);
			if (!next_u64(&w, &m.n_forks))
				m.n_forks = 0;
			break;
		}
		line += length + 1;
	}
	if (!has_total || m.n_cpus == 0)
		return JM_E_FORMAT;
	*out = m;
	return 0;
}

size_t jm_proc_status_numbers(const char *text, size_t n, const char *key, int64_t *out, size_t max)
{
	const char *line = text, *end = text + n;

	while (line < end) {
		size_t length = line_length(line, end), count = 0;
		struct words w = {line, line + length};
		uint64_t value;

		if (begins_with(line, length, key)) {
			skip_words(&w, 1);
			while (count < max && next_u64(&w, &value))
				out[count++] = (int64_t)value;
			return count;
		}
		line += length + 1;
	}
	return 0;
}

int jm_proc_kilobytes(const char *text, size_t n, const char *key, int64_t *out)
{
	const char *line = text, *end = text + n;
	bool is_found = false;
	uint64_t sum = 0;

	while (line < end) {
		size_t length = line_length(line, end);
		struct words w = {line, line + length};
		uint64_t value;

		if (begins_with(line, length, key) && skip_words(&w, 1) && next_u64(&w, &value) &&
		    value < INT64_MAX / 4096) {
			sum += value;
			is_found = true;
		}
		line += length + 1;
	}
	if (!is_found)
		return JM_E_NOT_FOUND;
	*out = (int64_t)sum;
	return 0;
}

/* "4:memory:/path", "0::/path" */
static size_t path_of(const char *line, size_t n, const char **path_out)
{
	const char *first = memchr(line, ':', n), *second;

	second = first ? memchr(first + 1, ':', (size_t)(line + n - first - 1)) : NULL;
	if (!second || second + 1 >= line + n || second[1] != '/')
		return 0;
	*path_out = second + 1;
	return (size_t)(line + n - second - 1);
}

size_t jm_proc_cgroup(const char *text, size_t n, const char **path_out)
{
	const char *line = text, *end = text + n, *path;
	size_t best = 0;

	while (line < end) {
		size_t length = line_length(line, end), found = path_of(line, length, &path);

		/* The unified hierarchy comes last and wins a tie; a v1 controller may be the only one with a deep path. */
		if (found && found >= best) {
			best = found;
			*path_out = path;
		}
		line += length + 1;
	}
	return best;
}
