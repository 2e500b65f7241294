#define _GNU_SOURCE
#include "session/compare.h"

#include "compare/hotspots.h"
#include "compare/write.h"
#include "core/error.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int write_file(const char *folder, const char *name, bool overwrite, const struct jm_buffer *b,
		      struct jm_error *err)
{
	char path[1200];
	size_t done = 0;
	int fd;

	if (b->is_failed)
		return jm_error_set(err, JM_E_NOMEM, "out of memory for %s", name);
	if (snprintf(path, sizeof(path), "%.900s/%.256s", folder, name) >= (int)sizeof(path))
		return jm_error_set(err, JM_E_INVALID, "the path of %s is too long", name);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | (overwrite ? O_TRUNC : O_EXCL), 0644);
	if (fd < 0)
		return jm_error_errno(err, errno, "cannot write %s", path);
	while (done < b->n) {
		ssize_t n = write(fd, b->data + done, b->n - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			break;
		done += (size_t)n;
	}
	if (close(fd) || done < b->n)
		return jm_error_errno(err, errno, "cannot write %s", path);
	return 0;
}

/* A variant may be called anything. */
static void file_name(const char *variant, char *out, size_t size)
{
	char *c;

	snprintf(out, size, "%.128s_per_layer_energy.csv", variant);
	for (c = out; *c; c++)
		if (*c == '/')
			*c = '_';
}

static int write_layers(const struct jm_comparison_data *c, const char *folder, bool overwrite, struct jm_error *err)
{
	size_t i;
	int rc = 0;

	for (i = 0; i < c->n_variants && rc == 0; i++) {
		struct jm_buffer b = {0};
		char name[160];

		if (c->variants[i].trials[0]->n_layers == 0)
			continue;
		file_name(jm_compare_precision_name(c, &c->variants[i]), name, sizeof(name));
		rc = jm_compare_layer_energy_csv(&c->variants[i], &b);
		rc = rc ? jm_error_set(err, rc, "out of memory for %s", name)
			: write_file(folder, name, overwrite, &b, err);
		jm_buffer_finish(&b);
	}
	return rc;
}

int jm_session_write_folder(const struct jm_comparison_data *c, const char *folder, bool overwrite,
			    struct jm_error *err)
{
	static const struct {
		const char *name;
		void (*write)(const struct jm_comparison_data *c, struct jm_buffer *out);
	} files[] = {{"trial_results.csv", jm_compare_trial_csv},
		     {"aggregated_comparison.csv", jm_compare_aggregated_csv},
		     {"benchmark_results.csv", jm_compare_benchmark_csv}};
	struct jm_buffer b = {0};
	size_t i;
	int rc = 0;

	if (mkdir(folder, 0777) && errno != EEXIST)
		return jm_error_errno(err, errno, "cannot make the folder %s", folder);
	for (i = 0; i < sizeof(files) / sizeof(files[0]) && rc == 0; i++) {
		b = (struct jm_buffer){0};
		files[i].write(c, &b);
		rc = write_file(folder, files[i].name, overwrite, &b, err);
		jm_buffer_finish(&b);
	}
	rc = rc ? rc : write_layers(c, folder, overwrite, err);
	if (rc == 0 && c->layers) {
		b = (struct jm_buffer){0};
		rc = jm_hotspots_csv(c, JM_HOTSPOTS_LAYER, &b)
			 ? jm_error_set(err, JM_E_NOMEM, "out of memory for the hot spots")
			 : write_file(folder, "hotspots.csv", overwrite, &b, err);
		jm_buffer_finish(&b);
	}
	return rc;
}
