#include "dvc/outs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "core/text.h"

#define A "c157a79031e1c40f85931829bc5fc552"
#define B "258622b1688250cb619f3c9ccaefb7eb"

static int read_text(const char *text, struct jm_dvc_outs *out, struct jm_error *err)
{
	return jm_dvc_outs_read("x.dvc", text, strlen(text), out, err);
}

static void a_new_file_is_as_dvc_writes_it(void **state)
{
	struct jm_dvc_out_facts facts = {.path = "raw_data", .size = 147, .n_files = 2};
	struct jm_buffer out = {0};

	(void)state;
	assert_int_equal(jm_dvc_oid_parse("310a2b262b18aadd6cb72bdedec42c34.dir", 36, &facts.oid), 0);
	jm_dvc_outs_write(&facts, &out);
	/* shared with the specification: section 7.2 */
	assert_string_equal(jm_buffer_terminate(&out),
			    "outs:\n- md5: 310a2b262b18aadd6cb72bdedec42c34.dir\n  size: 147\n"
			    "  nfiles: 2\n  hash: md5\n  path: raw_data\n");
	jm_buffer_finish(&out);
	memset(&out, 0, sizeof(out));
	facts = (struct jm_dvc_out_facts){.path = "123", .size = 0, .n_files = -1, .is_exec = true};
	assert_int_equal(jm_dvc_oid_parse(A, 32, &facts.oid), 0);
	jm_dvc_outs_write(&facts, &out);
	assert_string_equal(jm_buffer_terminate(&out),
			    "outs:\n- md5: " A "\n  size: 0\n  isexec: true\n  hash: md5\n  path: '123'\n");
	jm_buffer_finish(&out);
}

static void scalar_is(const char *text, const char *expected)
{
	struct jm_buffer out = {0};

	jm_dvc_yaml_scalar(&out, text, 8, 4);
	assert_string_equal(jm_buffer_terminate(&out), expected);
	jm_buffer_finish(&out);
}

static void paths_are_quoted_where_yaml_needs_it(void **state)
{
	(void)state;
	/* Each as dvc 3.67 wrote it. */
	scalar_is("raw data", "raw data");
	scalar_is("#weird", "'#weird'");
	scalar_is("with: colon", "'with: colon'");
	scalar_is(" lead", "' lead'");
	scalar_is("true", "'true'");
	scalar_is("1.5", "'1.5'");
	scalar_is("2026-11-21", "'2026-11-21'");
	scalar_is("yes", "yes");
	scalar_is("it's", "it's");
	scalar_is("!bang", "'!bang'");
	scalar_is("- dash", "'- dash'");
	scalar_is("-dash", "-dash");
	scalar_is("tab\tx", "\"tab\\tx\"");
	scalar_is("back\\slash", "back\\slash");
	scalar_is("\xc3\xbcn", "\xc3\xbcn");
	scalar_is("long long long long long long long long long long long long long long long long end",
		  "long long long long long long long long long long long long long long \n    long long end");
}

static void what_a_file_says_is_read(void **state)
{
	struct jm_dvc_outs outs;

	(void)state;
	assert_int_equal(
	    read_text("# made by hand\nmeta: {a: [1, {b: c}]}\nwdir: ..\nouts:\n- md5: " A ".dir\n  size: 10\n"
		      "  nfiles: 3\n  hash: md5\n  path: 'raw data'\n  remote: other\n  push: false\n  labels: [x]\n"
		      "- path: old\n  md5: " B "\n  cache: false\n",
		      &outs, NULL),
	    0);
	assert_int_equal(outs.n, 2);
	assert_string_equal(outs.wdir, "..");
	assert_string_equal(outs.outs[0].path, "raw data");
	assert_string_equal(outs.outs[0].oid.text, A ".dir");
	assert_string_equal(outs.outs[0].remote, "other");
	assert_false(outs.outs[0].can_push);
	assert_false(outs.outs[0].is_legacy);
	assert_int_equal(outs.outs[0].size, 10);
	assert_int_equal(outs.outs[0].n_files, 3);
	assert_true(outs.outs[1].is_legacy);
	assert_false(outs.outs[1].is_cached);
	assert_int_equal(outs.outs[1].size, -1);
	jm_dvc_outs_finish(&outs);
	assert_int_equal(read_text("", &outs, NULL), 0);
	assert_int_equal(outs.n, 0);
	jm_dvc_outs_finish(&outs);
}

static void what_cannot_be_worked_on_is_marked(void **state)
{
	static const char *const texts[] = {"outs:\n- path: s3://b/x\n  etag: 1\n",
					    "outs:\n- path: /abs\n  md5: " A "\n",
					    "outs:\n- path: x\n  files:\n  - relpath: a\n    md5: " A "\n"};
	size_t i;

	(void)state;
	for (i = 0; i < 3; i++) {
		struct jm_dvc_outs outs;

		assert_int_equal(read_text(texts[i], &outs, NULL), 0);
		assert_non_null(outs.outs[0].unsupported);
		jm_dvc_outs_finish(&outs);
	}
}

static void damaged_files_are_refused_with_their_line(void **state)
{
	static const char *const texts[] = {
	    "outs:\n- md5: zz\n  path: x\n",
	    "outs:\n- md5: " A "\n",
	    "outs: x\n",
	    "outs:\n- x\n",
	    "[1]\n",
	    "outs:\n- path: x\n  size: -1\n",
	    "outs:\n- path: x\n  size: 1e9\n",
	    "outs:\n- path: x\n  hash: sha256\n",
	    "outs:\n- path: x\n  path: y\n",
	    "outs:\n- path: [x]\n",
	    "outs:\n- path: \"a\\0b\"\n",
	    "outs:\n\t- path: x\n",
	    "outs:\n- path: x\nouts:\n- path: y\n",
	    "outs:\n- path: x\n  isexec: perhaps\n",
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct jm_dvc_outs outs;
		struct jm_error err = {0};

		if (read_text(texts[i], &outs, &err) != JM_E_FORMAT)
			fail_msg("taken: %s", texts[i]);
		assert_non_null(strstr(err.message, "x.dvc"));
	}
}

static void rewrite_is(const char *before, const struct jm_dvc_out_facts *facts, const char *after)
{
	struct jm_buffer out = {0};
	struct jm_dvc_outs outs;
	struct jm_error err = {0};

	assert_int_equal(read_text(before, &outs, &err), 0);
	if (jm_dvc_outs_rewrite(&outs, 0, facts, &out, &err))
		fail_msg("%s", err.message);
	assert_string_equal(jm_buffer_terminate(&out), after);
	jm_buffer_finish(&out);
	jm_dvc_outs_finish(&outs);
}

static void new_facts_leave_the_rest_of_a_file_alone(void **state)
{
	struct jm_dvc_out_facts facts = {.path = "x", .size = 5, .n_files = -1};

	(void)state;
	assert_int_equal(jm_dvc_oid_parse(B, 32, &facts.oid), 0);
	rewrite_is(
	    "# why\nouts:\n- md5: " A "\n  size: 1\n  hash: md5\n  path: x # the data\n  desc: kept\nmeta:\n  a: 1\n",
	    &facts,
	    "# why\nouts:\n- md5: " B "\n  size: 5\n  hash: md5\n  path: x # the data\n  desc: kept\nmeta:\n  a: 1\n");
	/* DVC 2: gains what DVC 3 writes. */
	rewrite_is("outs:\n- md5: " A ".dir\n  size: 1\n  nfiles: 2\n  path: x", &facts,
		   "outs:\n- md5: " B "\n  size: 5\n  path: x\n  hash: md5\n");
	rewrite_is("outs:\n- md5: " A "\n  path: x\n  meta:\n    a:\n    - 1\n", &facts,
		   "outs:\n- md5: " B "\n  path: x\n  size: 5\n  hash: md5\n  meta:\n    a:\n    - 1\n");
}

static void a_layout_that_cannot_be_changed_is_said(void **state)
{
	struct jm_dvc_out_facts facts = {.path = "x", .size = 5, .n_files = -1};
	struct jm_buffer out = {0};
	struct jm_dvc_outs outs;
	struct jm_error err = {0};

	(void)state;
	assert_int_equal(read_text("outs: [{md5: " A ", path: x}]\n", &outs, &err), 0);
	assert_int_equal(jm_dvc_outs_rewrite(&outs, 0, &facts, &out, &err), JM_E_UNSUPPORTED);
	assert_true(err.remedy[0] != '\0');
	jm_buffer_finish(&out);
	jm_dvc_outs_finish(&outs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_new_file_is_as_dvc_writes_it),
	    cmocka_unit_test(paths_are_quoted_where_yaml_needs_it),
	    cmocka_unit_test(what_a_file_says_is_read),
	    cmocka_unit_test(what_cannot_be_worked_on_is_marked),
	    cmocka_unit_test(damaged_files_are_refused_with_their_line),
	    cmocka_unit_test(new_facts_leave_the_rest_of_a_file_alone),
	    cmocka_unit_test(a_layout_that_cannot_be_changed_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
