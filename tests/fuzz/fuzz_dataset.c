/* A table of training data of any bytes, as each kind of layer's: what is taken is written, and reads back as many rows. */
#define _GNU_SOURCE
#include "fuzz.h"

#include "dataset/dataset.h"
#include "support/tree.h"

static struct tree world;

static void remove_world(void)
{
	tree_remove(&world);
}

static void check_again(const struct jm_dataset *d, const char *folder)
{
	struct jm_dataset again = {.n = 0};
	struct jm_error err = {0};
	size_t n_left_out, i;

	if (jm_dataset_write(d, folder, false, &err))
		return; /* a name that is no folder's, say */
	if (jm_dataset_read(folder, &again, &n_left_out, &err))
		tree_require(false, err.message, folder);
	for (i = 0; i < again.n; i++)
		if (!again.rows[i].network)
			abort();
	tree_require(again.n == d->n, "as many rows", folder);
	jm_dataset_finish(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char folder[300], second[300], full[400];
	int kind;

	if (!world.root[0]) {
		tree_create(&world);
		atexit(remove_world);
	}
	snprintf(folder, sizeof(folder), "%s/data", world.root);
	snprintf(second, sizeof(second), "%s/again", world.root);
	for (kind = 0; kind < JM_LAYER_KINDS; kind++) {
		struct jm_dataset d = {.n = 0};
		struct jm_error err = {0};
		size_t n_left_out;
		FILE *f;
		int rc;

		snprintf(full, sizeof(full), "%s/net/%s.csv", folder, jm_layer_kind_text((enum jm_layer_kind)kind));
		tree_make_parents(full);
		f = fopen(full, "wb");
		tree_require(f && fwrite(data, 1, n, f) == n && fclose(f) == 0, "write", full);
		rc = jm_dataset_read(folder, &d, &n_left_out, &err);
		if (rc && !err.message[0])
			abort();
		if (rc == 0 && d.n)
			check_again(&d, second);
		jm_dataset_finish(&d);
		unlink(full);
		snprintf(full, sizeof(full), "%s/net/%s.csv", second, jm_layer_kind_text((enum jm_layer_kind)kind));
		unlink(full);
	}
	return 0;
}
