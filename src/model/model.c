#define _GNU_SOURCE
#include "model/model.h"

#include "core/error.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* protobuf refuses messages of 2 GiB and more (protobuf documentation, "Total size"); larger models keep their weights
 * in external files. */
#define MODEL_FILE_MAX (UINT64_C(2) << 30)

static void free_values(struct jm_model_value *values, size_t n)
{
	size_t i, j;

	for (i = 0; values && i < n; i++) {
		for (j = 0; values[i].dims && j < values[i].n_dims; j++)
			free(values[i].dims[j].name);
		free(values[i].dims);
		free(values[i].name);
	}
	free(values);
}

void jm_model_destroy(struct jm_model *m)
{
	size_t i;

	if (!m)
		return;
	free_values(m->inputs, m->n_inputs);
	free_values(m->outputs, m->n_outputs);
	for (i = 0; m->tensors && i < m->n_tensors; i++) {
		free(m->tensors[i].name);
		free(m->tensors[i].dims);
	}
	free(m->tensors);
	for (i = 0; m->nodes && i < m->n_nodes; i++) {
		free(m->nodes[i].name);
		free(m->nodes[i].op_type);
		free(m->nodes[i].domain);
	}
	free(m->nodes);
	free(m->producer);
	free(m->graph_name);
	free(m);
}

/* Reads until size bytes have come. A file that shrinks meanwhile is an error, one that grows is cut. */
static int read_all(int fd, const char *path, unsigned char *data, size_t size, struct jm_error *err)
{
	size_t used = 0;

	while (used < size) {
		ssize_t n = read(fd, data + used, size - used);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return jm_error_errno(err, errno, "cannot read %s", path);
		if (n == 0)
			return jm_error_set(err, JM_E_IO, "%s became shorter while it was read", path);
		used += (size_t)n;
	}
	return 0;
}

static int read_open(int fd, const char *path, uint64_t max, unsigned char **out, size_t *n_out, struct jm_error *err)
{
	struct stat st;
	unsigned char *data;
	int rc;

	if (fstat(fd, &st))
		return jm_error_errno(err, errno, "cannot read %s", path);
	if (!S_ISREG(st.st_mode))
		return jm_error_set(err, JM_E_FORMAT, "%s is not a regular file", path);
	if (st.st_size == 0)
		return jm_error_set(err, JM_E_FORMAT, "%s is empty", path);
	if ((uint64_t)st.st_size > max)
		return jm_error_set(err, JM_E_FORMAT, "%s has %lld bytes, more than the %llu that are read", path,
				    (long long)st.st_size, (unsigned long long)max);
	data = malloc((size_t)st.st_size);
	if (!data)
		return jm_error_set(err, JM_E_NOMEM, "no memory for the %lld bytes of %s", (long long)st.st_size, path);
	rc = read_all(fd, path, data, (size_t)st.st_size, err);
	if (rc) {
		free(data);
		return rc;
	}
	*out = data;
	*n_out = (size_t)st.st_size;
	return 0;
}

int jm_model_file(const char *path, uint64_t max, unsigned char **out, size_t *n_out, struct jm_error *err)
{
	/* Without O_NONBLOCK, opening a FIFO by mistake would wait for a writer for ever. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	int rc;

	if (fd < 0)
		return jm_error_errno(err, errno, "cannot open %s", path);
	rc = read_open(fd, path, max, out, n_out, err);
	close(fd);
	return rc;
}

int jm_model_load(const char *path, struct jm_model **out, struct jm_error *err)
{
	unsigned char *data;
	size_t n;
	int rc = jm_model_file(path, MODEL_FILE_MAX, &data, &n, err);

	if (rc)
		return rc;
	rc = jm_model_read(path, data, n, out, err);
	free(data);
	return rc;
}
