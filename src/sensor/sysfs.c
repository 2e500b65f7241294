#define _GNU_SOURCE
#include "sensor/sysfs.h"

#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/error.h"
#include "core/grow.h"
#include "core/text.h"

static int compare_names(const void *a, const void *b)
{
	return strverscmp(a, b);
}

static int append_name(struct jm_sysfs_names *names, size_t *capacity, const char *name)
{
	if (strlen(name) >= JM_SYSFS_NAME_MAX || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return 0;
	if (!jm_grow(&names->names, capacity, names->n, sizeof(*names->names)))
		return JM_E_NOMEM;
	snprintf(names->names[names->n++], JM_SYSFS_NAME_MAX, "%s", name);
	return 0;
}

int jm_sysfs_list(const struct jm_env *env, const char *path, struct jm_sysfs_names *out)
{
	char full[JM_PATH_MAX];
	struct dirent *entry;
	size_t capacity = 0;
	int rc = 0;
	DIR *dir;

	memset(out, 0, sizeof(*out));
	if (jm_env_path(env, path, full, sizeof(full)))
		return JM_E_INVALID;
	dir = opendir(full);
	if (!dir)
		return jm_error_from_errno(errno);
	while (rc == 0 && (entry = readdir(dir)))
		rc = append_name(out, &capacity, entry->d_name);
	closedir(dir);
	if (rc)
		jm_sysfs_names_finish(out);
	else if (out->n > 1)
		qsort(out->names, out->n, sizeof(*out->names), compare_names);
	return rc;
}

void jm_sysfs_names_finish(struct jm_sysfs_names *names)
{
	free(names->names);
	memset(names, 0, sizeof(*names));
}

int jm_sysfs_text(const struct jm_env *env, char *out, size_t size, const char *format, ...)
{
	char path[JM_PATH_MAX];
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(path, sizeof(path), format, args);
	va_end(args);
	if (n < 0 || (size_t)n >= sizeof(path))
		return JM_E_INVALID;
	return jm_env_read_text(env, path, out, size);
}

int jm_sysfs_i64(const struct jm_env *env, int64_t *out, const char *format, ...)
{
	char path[JM_PATH_MAX];
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(path, sizeof(path), format, args);
	va_end(args);
	if (n < 0 || (size_t)n >= sizeof(path))
		return JM_E_INVALID;
	return jm_env_read_i64(env, path, out);
}

void jm_sysfs_clean(const char *text, char *out, size_t size)
{
	size_t i;

	if (*text == '\0')
		text = "unnamed";
	for (i = 0; text[i] && i + 1 < size; i++) {
		char c = text[i];
		bool is_kept = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
			       strchr("._-+", c);

		out[i] = is_kept ? c : '-';
	}
	out[i] = '\0';
}

/* The first processor's block is enough: it names vendor and flags. */
static void read_cpuinfo(const struct jm_env *env, char *out, size_t size)
{
	char *end;

	if (jm_env_read_text(env, "/proc/cpuinfo", out, size))
		out[0] = '\0';
	end = strstr(out, "\n\n");
	if (end)
		*end = '\0';
}

bool jm_sysfs_is_vm(const struct jm_env *env)
{
	char info[8192];
	const char *flags;

	read_cpuinfo(env, info, sizeof(info));
	flags = strstr(info, "\nflags");
	return flags && strstr(flags, " hypervisor");
}

bool jm_sysfs_has_cpu_vendor(const struct jm_env *env, const char *vendor)
{
	char info[8192];

	read_cpuinfo(env, info, sizeof(info));
	return strstr(info, vendor) != NULL;
}

int jm_sysfs_cpu_list(const char *text, int *cpus, int n_cpus)
{
	int n = 0;

	while (*text) {
		size_t digits = strspn(text, "0123456789");
		int64_t first, last;

		if (digits == 0 || jm_text_i64(text, digits, &first))
			return JM_E_FORMAT;
		text += digits;
		last = first;
		if (*text == '-') {
			digits = strspn(++text, "0123456789");
			if (digits == 0 || jm_text_i64(text, digits, &last))
				return JM_E_FORMAT;
			text += digits;
		}
		if (last < first || last > 65535 || (*text != ',' && *text != '\0'))
			return JM_E_FORMAT;
		for (; first <= last && n < n_cpus; first++)
			cpus[n++] = (int)first;
		text += *text == ',';
	}
	return n ? n : JM_E_FORMAT;
}

struct jm_sysfs_group *jm_sysfs_group_create(void)
{
	struct jm_sysfs_group *g = calloc(1, sizeof(*g));
	size_t i;

	for (i = 0; g && i < JM_SENSOR_CHANNELS_MAX; i++)
		g->input[i].fd[0] = g->input[i].fd[1] = -1;
	return g;
}

int jm_sysfs_group_add(struct jm_sysfs_group *g, const char *a, const char *b, int64_t multiplier, int64_t divisor,
		       bool is_counter)
{
	struct jm_sysfs_input *in = &g->input[g->n_inputs];

	if (g->n_inputs == JM_SENSOR_CHANNELS_MAX || strlen(a) >= sizeof(in->path[0]) ||
	    (b && strlen(b) >= sizeof(in->path[1])))
		return JM_E_INVALID;
	snprintf(in->path[0], sizeof(in->path[0]), "%s", a);
	snprintf(in->path[1], sizeof(in->path[1]), "%s", b ? b : "");
	in->multiplier = multiplier;
	in->divisor = divisor;
	in->is_counter = is_counter;
	g->n_inputs++;
	return 0;
}

int jm_sysfs_group_open(struct jm_sensor *s, struct jm_error *err)
{
	struct jm_sysfs_group *g = s->state;
	size_t i, part;

	for (i = 0; i < g->n_inputs; i++)
		for (part = 0; part < 2; part++) {
			struct jm_sysfs_input *in = &g->input[i];
			int fd;

			if (in->path[part][0] == '\0' || in->fd[part] >= 0)
				continue;
			fd = jm_env_open(s->env, in->path[part]);
			if (fd < 0) {
				jm_sysfs_group_close(s);
				return jm_error_set(err, fd, "cannot open %s%s: %s", s->env->root, in->path[part],
						    jm_error_text(fd));
			}
			in->fd[part] = fd;
		}
	s->is_open = true;
	return 0;
}

void jm_sysfs_group_close(struct jm_sensor *s)
{
	struct jm_sysfs_group *g = s->state;
	size_t i, part;

	s->is_open = false;
	if (!g)
		return;
	for (i = 0; i < g->n_inputs; i++)
		for (part = 0; part < 2; part++) {
			if (g->input[i].fd[part] >= 0)
				close(g->input[i].fd[part]);
			g->input[i].fd[part] = -1;
		}
}

int jm_sysfs_pread_i64(const struct jm_env *env, int fd, int64_t *out)
{
	char text[32];
	ssize_t n = jm_env_read_file(env, fd, text, sizeof(text));

	if (n < 0)
		return jm_error_from_errno(errno);
	if ((size_t)n == sizeof(text))
		return JM_E_FORMAT;
	return jm_text_i64(text, (size_t)n, out);
}

int jm_sysfs_input_read(const struct jm_env *env, const struct jm_sysfs_input *in, int64_t *out)
{
	int64_t value, factor;
	int rc = jm_sysfs_pread_i64(env, in->fd[0], &value);

	if (rc == 0 && in->path[1][0]) {
		rc = jm_sysfs_pread_i64(env, in->fd[1], &factor);
		if (rc == 0 && __builtin_mul_overflow(value, factor, &value))
			rc = JM_E_FORMAT;
	}
	if (rc)
		return rc;
	if (__builtin_mul_overflow(value, in->multiplier, &value) || (in->is_counter && value < 0))
		return JM_E_FORMAT;
	*out = value / in->divisor;
	return 0;
}

int jm_sysfs_group_read(struct jm_sensor *s, struct jm_sample *out, size_t *n_out)
{
	const struct jm_sysfs_group *g = s->state;
	int64_t values[JM_SENSOR_CHANNELS_MAX] = {0};
	int codes[JM_SENSOR_CHANNELS_MAX];
	int64_t before_ns, after_ns;
	bool is_any = false;
	size_t i;

	if (!s->is_open)
		return JM_E_INVALID;
	before_ns = jm_env_now(s->env);
	for (i = 0; i < g->n_inputs; i++) {
		codes[i] = jm_sysfs_input_read(s->env, &g->input[i], &values[i]);
		is_any = is_any || codes[i] == 0;
	}
	after_ns = jm_env_now(s->env);
	if (!is_any)
		return g->n_inputs ? codes[0] : JM_E_INVALID;
	for (i = 0; i < g->n_inputs; i++) {
		jm_sample_fill(&out[i], (uint16_t)(s->first_channel + i), before_ns, after_ns, values[i]);
		if (codes[i])
			out[i].status = JM_SAMPLE_GAP;
	}
	*n_out = g->n_inputs;
	return 0;
}
