#include "runner/profile.h"

#include "core/span.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct kept {
	struct jm_names names;
	struct jm_span spans[64];
	size_t n;
	char shapes[128];
	size_t n_shapes;
	int answer; /* of write */
};

static int keep_name(void *ctx, const char *text, size_t n, const char *type, size_t type_n, uint32_t *out)
{
	return jm_names_add(&((struct kept *)ctx)->names, text, n, type, type_n, out);
}

static int keep_spans(void *ctx, const struct jm_span *spans, size_t n)
{
	struct kept *k = ctx;

	assert_true(k->n + n <= 64);
	memcpy(k->spans + k->n, spans, n * sizeof(*spans));
	k->n += n;
	return k->answer;
}

static int keep_shapes(void *ctx, uint32_t name, const char *text)
{
	struct kept *k = ctx;

	(void)name;
	snprintf(k->shapes, sizeof(k->shapes), "%s", text);
	k->n_shapes++;
	return 0;
}

static int read_text(const char *text, const struct jm_profile_call *calls, size_t n, struct kept *k,
		     struct jm_profile_facts *facts, struct jm_error *err)
{
	struct jm_span_sink sink = {keep_name, keep_spans, k, keep_shapes};
	char path[] = "/tmp/jm-profile-XXXXXX";
	int fd = mkstemp(path), rc;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	rc = jm_profile_read(path, calls, n, &sink, facts, err);
	unlink(path);
	return rc;
}

#define EVENT(cat, tid, name, ts, dur, args)                                                                           \
	"{\"cat\" : \"" cat "\",\"pid\" :1,\"tid\" :" tid ",\"dur\" :" dur ",\"ts\" :" ts                              \
	",\"ph\" : \"X\",\"name\" :\"" name "\",\"args\" : {" args "}}"
#define CPU(op) "\"provider\" : \"CPUExecutionProvider\",\"op_name\" : \"" op "\""

/* Two runs of 100 us at 1000 and 2000 us of the profile. */
static const char two_runs[] = "[\n" EVENT("Session", "5", "session_initialization", "10", "900", "") ",\n" EVENT(
    "Node", "5", "a_kernel_time", "1010", "40",
    CPU("Conv")) ",\n" EVENT("Session", "5", "model_run", "1000", "100",
			     "") ",\n" EVENT("Node", "5", "a_kernel_time", "2010", "40",
					     CPU("Conv")) ",\n" EVENT("Node", "6", "b_kernel_time", "2055", "30",
								      CPU("Relu")) ",\n" EVENT("Session", "5",
											       "model_run", "2000",
											       "100", "") "\n]\n";

/* Our clock is 7 s ahead. The first call was stamped 3 us before its event and 2 us after, the second 5 and 4: the
 * offset lies from -3 - 1 us (written times are cut down) to +2 us around 7 s: its middle is -1, its half 3 us. */
static const struct jm_profile_call calls[] = {
    {INT64_C(7000997000), INT64_C(7001102000), JM_NO_ITERATION, true},
    {INT64_C(7001995000), INT64_C(7002104000), 100, false},
};

static void layers_are_brought_to_our_clock_and_numbers(void **state)
{
	struct jm_profile_facts facts;
	struct kept k = {0};

	(void)state;
	assert_int_equal(read_text(two_runs, calls, 2, &k, &facts, NULL), 0);
	assert_int_equal(k.n, 2);
	assert_int_equal(facts.n_layers, 2);
	assert_int_equal(facts.tie_half_width_ns, 3000);
	assert_false(facts.is_clock_jumpy);
	assert_string_equal(k.names.items[k.spans[0].name].text, "a");
	assert_string_equal(k.names.items[k.spans[0].name].type, "Conv");
	assert_int_equal(k.spans[0].start_ns, INT64_C(7002009000));
	assert_int_equal(k.spans[0].end_ns, INT64_C(7002049000));
	assert_int_equal(k.spans[0].iteration, 100);
	assert_int_equal(k.spans[0].kind, JM_SPAN_LAYER);
	assert_int_equal(k.spans[0].flags, JM_SPAN_PROFILED);
	assert_int_equal(k.spans[0].track, 0);
	assert_string_equal(k.names.items[k.spans[1].name].text, "b");
	assert_int_equal(k.spans[1].track, 1);
	assert_int_equal(facts.n_providers, 1);
	assert_string_equal(facts.providers[0].name, "CPUExecutionProvider");
	assert_int_equal(facts.providers[0].n, 3);
	jm_names_finish(&k.names);
}

/* The wall clock was put back by 1 s between the two calls: no offset fits both, each is tied for itself. */
/* As ONNX Runtime 1.20 writes them; the second run of a says nothing new. */
static void shapes_are_told_once_a_layer(void **state)
{
	static const char shapes[] = "\"input_type_shape\" : [{\"float\":[1,3,8,8]},{\"int64\":[2]},{\"float16\":[]}],"
				     "\"output_type_shape\" : [{\"float\":[1,16,8,8]}],";
	char text[2048];
	struct jm_profile_facts facts;
	struct kept k = {0};

	(void)state;
	snprintf(
	    text, sizeof(text),
	    "[\n" EVENT("Node", "5", "a_kernel_time", "1010", "40", "%s" CPU("Conv")) ",\n" EVENT(
		"Session", "5", "model_run", "1000", "100",
		"") ",\n" EVENT("Node", "5", "a_kernel_time", "2010", "40",
				"%s" CPU("Conv")) ",\n" EVENT("Session", "5", "model_run", "2000", "100", "") "\n]\n",
	    shapes, shapes);
	assert_int_equal(read_text(text, calls, 2, &k, &facts, NULL), 0);
	assert_int_equal(k.n_shapes, 1);
	assert_string_equal(k.shapes, "fp32[1,3,8,8] int64[2] fp16[] -> fp32[1,16,8,8]");
	jm_names_finish(&k.names);
}

static void a_shape_that_is_none_is_refused(void **state)
{
	static const char *const bad[] = {"\"input_type_shape\" : [1],", "\"input_type_shape\" : [{\"float\":1}],",
					  "\"input_type_shape\" : [{\"float\":[-1]}],",
					  "\"output_type_shape\" : [{\"float\":[\"x\"]}],"};
	struct jm_profile_facts facts;
	struct kept k = {0};
	char text[1024];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(text, sizeof(text),
			 "[" EVENT("Node", "5", "a_kernel_time", "1010", "40", "%s" CPU("Conv")) "]", bad[i]);
		assert_int_equal(read_text(text, calls, 0, &k, &facts, NULL), JM_E_FORMAT);
	}
	jm_names_finish(&k.names);
}

static void a_clock_that_was_set_is_noticed(void **state)
{
	struct jm_profile_call jumped[2] = {calls[0], calls[1]};
	struct jm_profile_facts facts;
	struct kept k = {0};

	(void)state;
	jumped[1].start_ns += 1000000000;
	jumped[1].end_ns += 1000000000;
	assert_int_equal(read_text(two_runs, jumped, 2, &k, &facts, NULL), 0);
	assert_true(facts.is_clock_jumpy);
	assert_in_range(k.spans[0].start_ns, jumped[1].start_ns, jumped[1].end_ns);
	jm_names_finish(&k.names);
}

static void a_profile_of_other_runs_is_refused(void **state)
{
	struct jm_profile_facts facts;
	struct jm_error err;
	struct kept k = {0};

	(void)state;
	assert_int_equal(read_text(two_runs, calls, 1, &k, &facts, &err), JM_E_FORMAT);
	assert_int_equal(read_text("[\n]\n", calls, 2, &k, &facts, &err), JM_E_FORMAT);
	assert_int_equal(k.n, 0);
	jm_names_finish(&k.names);
}

static void a_profile_cut_anywhere_is_refused(void **state)
{
	struct jm_profile_facts facts;
	char text[sizeof(two_runs)];
	size_t n, last = strlen(two_runs) - 2; /* the closing bracket */

	(void)state;
	for (n = 1; n <= last; n++) {
		struct kept k = {0};

		memcpy(text, two_runs, n);
		text[n] = '\0';
		assert_int_equal(read_text(text, calls, 2, &k, &facts, NULL), JM_E_FORMAT);
		assert_int_equal(k.n, 0);
		jm_names_finish(&k.names);
	}
}

static void an_error_of_the_sink_comes_back(void **state)
{
	struct jm_profile_facts facts;
	struct kept k = {.answer = JM_E_FULL};

	(void)state;
	assert_int_equal(read_text(two_runs, calls, 2, &k, &facts, NULL), JM_E_FULL);
	jm_names_finish(&k.names);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(layers_are_brought_to_our_clock_and_numbers),
	    cmocka_unit_test(shapes_are_told_once_a_layer),
	    cmocka_unit_test(a_shape_that_is_none_is_refused),
	    cmocka_unit_test(a_clock_that_was_set_is_noticed),
	    cmocka_unit_test(a_profile_of_other_runs_is_refused),
	    cmocka_unit_test(a_profile_cut_anywhere_is_refused),
	    cmocka_unit_test(an_error_of_the_sink_comes_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
