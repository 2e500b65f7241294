#include "dataset/dataset.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/tree.h"

#include <math.h>
#include <unistd.h>

static void remove_it(struct tree *t)
{
	tree_remove(t);
}

static struct jm_dataset_row convolution(void)
{
	return (struct jm_dataset_row){
	    .network = (char *)"net",
	    .layer = (char *)"conv, \"1\"",
	    .type = (char *)"Conv",
	    .device = (char *)"a device",
	    .features = {JM_LAYER_CONVOLUTIONAL, {1, 3, 8, 8, 4, 8, 8, 3, 3, 2, 2, 1, 1, 1, 1, 1}, 6912, 13824, 2000,
			 JM_DTYPE_FP32},
	    .runtime_ms = 0.25,
	    .power_w = 1.3,
	    .power_low_w = 1.2,
	    .power_high_w = 1.4,
	    .power_state = JM_POWER_MEASURED,
	    .count = 40,
	    .clock_mhz = 1980.5,
	    .memory_clock_mhz = NAN,
	};
}

static void read_text(const struct tree *t, const char *path, char *out, size_t size)
{
	char full[600];
	FILE *f;

	tree_path(t, path, full, sizeof(full));
	f = fopen(full, "r");
	assert_non_null(f);
	out[fread(out, 1, size - 1, f)] = '\0';
	fclose(f);
}

static void what_is_written_is_read_again(void **state)
{
	struct jm_dataset_row row = convolution();
	struct jm_dataset d = {0}, back = {0};
	struct tree t;
	size_t left_out;

	(void)state;
	tree_create(&t);
	assert_int_equal(jm_dataset_add(&d, &row), 0);
	row.network = (char *)"another";
	row.features.kind = JM_LAYER_SOFTMAX;
	row.power_w = row.power_low_w = row.power_high_w = NAN;
	row.power_state = JM_POWER_UNKNOWN;
	assert_int_equal(jm_dataset_add(&d, &row), 0);
	jm_dataset_sort(&d);
	assert_int_equal(jm_dataset_write(&d, t.root, false, NULL), 0);
	assert_int_equal(jm_dataset_read(t.root, &back, &left_out, NULL), 0);
	assert_int_equal(back.n, 2);
	assert_int_equal(left_out, 0);
	assert_string_equal(back.rows[0].network, "another");
	assert_true(isnan(back.rows[0].power_w));
	assert_int_equal(back.rows[0].power_state, JM_POWER_UNKNOWN);
	assert_string_equal(back.rows[1].layer, "conv, \"1\"");
	assert_string_equal(back.rows[1].device, "a device");
	assert_true(fabs(back.rows[1].power_w - 1.3) < 1e-12 && fabs(back.rows[1].power_high_w - 1.4) < 1e-12);
	assert_true(back.rows[1].runtime_ms == 0.25 && back.rows[1].count == 40);
	assert_true(back.rows[1].clock_mhz == 1980.5 && isnan(back.rows[1].memory_clock_mhz));
	assert_memory_equal(back.rows[1].features.values, d.rows[1].features.values, sizeof(row.features.values));
	assert_true(back.rows[1].features.macs == 6912 && back.rows[1].features.dtype == JM_DTYPE_FP32);
	jm_dataset_finish(&d);
	jm_dataset_finish(&back);
	remove_it(&t);
}

static void a_network_built_again_replaces_its_own_tables_alone(void **state)
{
	struct jm_dataset_row row = convolution();
	struct jm_dataset d = {0}, back = {0};
	struct jm_buffer names = {0};
	struct tree t;
	char path[600], aside[600];
	size_t left_out, n;

	(void)state;
	tree_create(&t);
	assert_int_equal(jm_dataset_add(&d, &row), 0);
	row.features.kind = JM_LAYER_SOFTMAX;
	assert_int_equal(jm_dataset_add(&d, &row), 0);
	row.network = (char *)"other";
	assert_int_equal(jm_dataset_add(&d, &row), 0);
	jm_dataset_sort(&d);
	assert_int_equal(jm_dataset_write(&d, t.root, false, NULL), 0);
	d.n = 1; /* net's convolution alone */
	assert_int_equal(jm_dataset_write(&d, t.root, false, NULL), 0);
	assert_int_equal(jm_dataset_read(t.root, &back, &left_out, NULL), 0);
	assert_int_equal(back.n, 2);
	assert_string_equal(back.rows[1].network, "other");
	assert_int_equal(jm_dataset_others(&d, t.root, &names, &n), 0);
	assert_int_equal(n, 1);
	assert_string_equal(jm_buffer_terminate(&names), "other");
	jm_buffer_finish(&names);

	/* A link in the place of a table, then of the folder. */
	tree_path(&t, "/net/convolutional.csv", path, sizeof(path));
	tree_path(&t, "/aside", aside, sizeof(aside));
	assert_int_equal(rename(path, aside), 0);
	assert_int_equal(symlink(aside, path), 0);
	assert_int_equal(jm_dataset_write(&d, t.root, false, NULL), JM_E_INVALID);
	assert_int_equal(unlink(path), 0);
	tree_path(&t, "/net", path, sizeof(path));
	assert_int_equal(rmdir(path), 0);
	tree_path(&t, "/other", aside, sizeof(aside));
	assert_int_equal(symlink(aside, path), 0);
	assert_int_equal(jm_dataset_write(&d, t.root, false, NULL), JM_E_INVALID);
	d.n = 3;
	jm_dataset_finish(&d);
	jm_dataset_finish(&back);
	remove_it(&t);
}

static void historic_tables_have_the_historic_columns_to_the_byte(void **state)
{
	struct jm_dataset_row row = convolution();
	struct jm_dataset d = {0};
	struct tree t;
	char text[2000];

	(void)state;
	tree_create(&t);
	row.layer = (char *)"conv1";
	assert_int_equal(jm_dataset_add(&d, &row), 0);
	row.features = (struct jm_features){.kind = JM_LAYER_DENSE, .values = {1, 400, 120, 400}};
	assert_int_equal(jm_dataset_add(&d, &row), 0);
	row.features.kind = JM_LAYER_SOFTMAX;
	assert_int_equal(jm_dataset_add(&d, &row), 0);
	jm_dataset_sort(&d);
	assert_int_equal(jm_dataset_write(&d, t.root, true, NULL), 0);
	read_text(&t, "/net/convolutional.csv", text, sizeof(text));
	assert_string_equal(text, "batch_size,input_size_0,input_size_1,input_size_2,output_size_0,output_size_1,output_size_2,"
				  "kernel_0,kernel_1,padding_0,padding_1,stride_0,stride_1,power,runtime,layer_name\n"
				  "1,3,8,8,4,8,8,3,3,2,2,1,1,1300000.0,0.25,conv1\n");
	read_text(&t, "/net/dense.csv", text, sizeof(text));
	assert_string_equal(text, "batch_size,input_size,output_size,power,runtime,layer_name\n1,400,120,1300000.0,0.25,conv1\n");
	tree_path(&t, "/net/softmax.csv", text, sizeof(text));
	assert_int_equal(access(text, F_OK), -1);
	jm_dataset_finish(&d);
	remove_it(&t);
}

static void a_historic_table_is_read(void **state)
{
	struct jm_dataset d = {0};
	struct tree t;
	size_t left_out;

	(void)state;
	tree_create(&t);
	tree_write(&t, "/lenet/dense.csv",
		   "batch_size,input_size,output_size,power,runtime,layer_name\n1,400,120,2.5e6,0.5,fc1\n1,84,10,,,fc2\n");
	tree_write(&t, "/notes.txt", "no table");
	tree_write(&t, "/lenet/other.csv", "no table either");
	assert_int_equal(jm_dataset_read(t.root, &d, &left_out, NULL), 0);
	assert_int_equal(d.n, 1);
	assert_int_equal(left_out, 1);
	assert_true(fabs(d.rows[0].power_w - 2.5) < 1e-12 && d.rows[0].features.macs == 400 * 120);
	assert_int_equal(d.rows[0].power_state, JM_POWER_MEASURED);
	assert_true(isnan(d.rows[0].clock_mhz) && isnan(d.rows[0].memory_clock_mhz));
	jm_dataset_finish(&d);
	remove_it(&t);
}

static void bad(const char *table, int rc, const char *says)
{
	struct jm_dataset d = {0};
	struct jm_error err = {0};
	struct tree t;
	size_t left_out;

	tree_create(&t);
	tree_write(&t, "/net/dense.csv", table);
	assert_int_equal(jm_dataset_read(t.root, &d, &left_out, &err), rc);
	if (!strstr(err.message, says))
		fail_msg("'%s' is not in '%s'", says, err.message);
	jm_dataset_finish(&d);
	remove_it(&t);
}

static void bad_tables_are_refused_with_file_and_line(void **state)
{
	const char *head = "batch_size,input_size,output_size,power,runtime,layer_name\n";
	char text[300];

	(void)state;
	bad("a,b\n1,2\n", JM_E_FORMAT, "dense.csv: there is no column 'batch_size'");
	snprintf(text, sizeof(text), "%s1,400,x,2,3,a\n", head);
	bad(text, JM_E_FORMAT, "dense.csv:2: 'x' is no number");
	snprintf(text, sizeof(text), "%s1,-400,5,2,3,a\n", head);
	bad(text, JM_E_FORMAT, "input_size");
	snprintf(text, sizeof(text), "%s1,400,5,nan,3,a\n", head);
	bad(text, JM_E_FORMAT, "is no number");
	snprintf(text, sizeof(text), "%s1,400,5,1,3,\"a\n", head);
	bad(text, JM_E_FORMAT, "no table");
}

static void names_that_are_no_folder_are_refused(void **state)
{
	static const char *const names[] = {"../escape", "..", "", ".hidden"};
	struct jm_dataset_row row = convolution();
	struct tree t;
	size_t i;

	(void)state;
	tree_create(&t);
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct jm_dataset d = {0};

		row.network = (char *)(uintptr_t)names[i];
		assert_int_equal(jm_dataset_add(&d, &row), 0);
		assert_int_equal(jm_dataset_write(&d, t.root, false, NULL), JM_E_INVALID);
		jm_dataset_finish(&d);
	}
	remove_it(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_written_is_read_again),
	    cmocka_unit_test(a_network_built_again_replaces_its_own_tables_alone),
	    cmocka_unit_test(historic_tables_have_the_historic_columns_to_the_byte),
	    cmocka_unit_test(a_historic_table_is_read),
	    cmocka_unit_test(bad_tables_are_refused_with_file_and_line),
	    cmocka_unit_test(names_that_are_no_folder_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
