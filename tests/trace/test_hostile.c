/* What every importer must do with files that are cut, double-encoded, reordered, or hold odd numbers and names: an error
 * with file and position, or a warning and a correct result. */
#define _GNU_SOURCE
#include "core/text.h"
#include "trace/collect.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ctype.h>

struct format {
	const char *importer, *fixture;
	bool is_json;
};

static const struct format formats[] = {
    {"onnxruntime", "onnxruntime.json", true},
    {"chrome", "kineto.json", true},
    {"csv_spans", "spans.csv", false},
    {"tensorrt_latency", "trt_layer_latency.json", true},
    {"tensorrt_latency", "trt_layer_latency_plain.json", true},
    {"tensorrt_engine", "trt_engine_info.json", true},
    {"run_latencies", "net_tensorrt.json", true},
    {"trtexec", "trtexec_profile.json", true},
    {"trtexec", "trtexec_timing.json", true},
    {"power_lines", "power_lines.log", false},
    {"idle_power", "idling_power.json", true},
    {"nvidia_smi", "nvidia_smi.csv", false},
    {"gpu_sources", "gpu_sources.csv", false},
    {"process_power", "CPU.json", true},
    {"process_power", "GPU.json", true},
    {"process_power", "cpu_by_process.json", true},
    {"aipowermeter", "power_metrics.json", false}, /* JSON Lines: torn ends are expected */
};
#define N_FORMATS (sizeof(formats) / sizeof(formats[0]))

static char *load(const char *fixture, size_t *n)
{
	char path[512], *text;

	snprintf(path, sizeof(path), "%s/trace/%s", JM_FIXTURES, fixture);
	text = collect_load(path, n);
	assert_non_null(text);
	return text;
}

/* "bad:7: ..." */
static void assert_has_place(const struct jm_error *err)
{
	const char *place = err->message + 4;

	assert_memory_equal(err->message, "bad:", 4);
	if (!isdigit((unsigned char)*place) && !strstr(err->message, " in it"))
		fail_msg("no place in: %s", err->message);
}

static bool has_span(const struct collected *c, const struct collected *of, size_t i)
{
	const struct jm_span *s = &of->spans[i];
	size_t k;

	for (k = 0; k < c->n_spans; k++)
		if (c->spans[k].start_ns == s->start_ns && c->spans[k].end_ns == s->end_ns &&
		    strcmp(collected_name(c, k), collected_name(of, i)) == 0)
			return true;
	return false;
}

static bool has_sample(const struct collected *c, const struct collected *of, size_t i)
{
	const struct jm_sample *s = &of->samples[i];
	size_t k;

	for (k = 0; k < c->n_samples; k++)
		if (c->samples[k].t_ns == s->t_ns && c->samples[k].value == s->value)
			return true;
	return false;
}

static void a_cut_file_is_refused_or_told_and_yields_nothing_new(void **state)
{
	size_t f, n, cut, i;

	(void)state;
	for (f = 0; f < N_FORMATS; f++) {
		char *text = load(formats[f].fixture, &n);
		struct collected whole, c;
		struct jm_error err = {0};

		assert_int_equal(collect_text(&whole, formats[f].importer, "bad", text, n, &err), 0);
		while (n > 0 && isspace((unsigned char)text[n - 1]))
			n--;
		for (cut = 0; cut < n; cut++) {
			memset(&err, 0, sizeof(err));
			if (collect_text(&c, formats[f].importer, "bad", text, cut, &err)) {
				assert_has_place(&err);
			} else {
				if (formats[f].is_json)
					fail_msg("%s cut at byte %zu is taken", formats[f].fixture, cut);
				for (i = 0; i < c.n_spans; i++)
					if (!has_span(&whole, &c, i))
						fail_msg("%s cut at byte %zu has a new span %s", formats[f].fixture,
							 cut, collected_name(&c, i));
				for (i = 0; i < c.n_samples; i++)
					if (!has_sample(&whole, &c, i))
						fail_msg("%s cut at byte %zu has a new reading %lld",
							 formats[f].fixture, cut, (long long)c.samples[i].value);
			}
			collect_finish(&c);
		}
		collect_finish(&whole);
		free(text);
	}
}

static void double_encoding_changes_nothing(void **state)
{
	size_t f, n;

	(void)state;
	for (f = 0; f < N_FORMATS; f++) {
		struct jm_buffer encoded = {0};
		struct collected a, b;
		struct jm_error err = {0};
		char *text;

		if (!formats[f].is_json)
			continue;
		text = load(formats[f].fixture, &n);
		jm_buffer_json_string(&encoded, text);
		assert_non_null(jm_buffer_terminate(&encoded));
		assert_int_equal(collect_text(&a, formats[f].importer, "bad", text, n, &err), 0);
		if (collect_text(&b, NULL, "bad", encoded.data, encoded.n, &err))
			fail_msg("%s double-encoded: %s", formats[f].fixture, err.message);
		assert_int_equal(a.n_spans, b.n_spans);
		assert_int_equal(a.n_samples, b.n_samples);
		assert_string_equal(a.meta, b.meta);
		if (a.n_spans)
			assert_memory_equal(a.spans, b.spans, a.n_spans * sizeof(*a.spans));
		if (a.n_samples)
			assert_memory_equal(a.samples, b.samples, a.n_samples * sizeof(*a.samples));
		collect_finish(&a);
		collect_finish(&b);
		jm_buffer_finish(&encoded);
		free(text);
	}
}

/* Every number, one after the other, becomes what no number is: never taken as one. */
static void no_nan_is_taken_for_a_number(void **state)
{
	static const char *const odd[] = {"NaN", "nan", "Infinity", "-inf", "1e999", "0x10"};
	size_t f, n, at, end, k, i;

	(void)state;
	for (f = 0; f < N_FORMATS; f++) {
		char *text = load(formats[f].fixture, &n), *changed = malloc(n + 16);
		struct collected whole, c;
		struct jm_error err;

		assert_non_null(changed);
		collect_text(&whole, formats[f].importer, "bad", text, n, &err);
		for (at = 1; at < n; at = end + 1) {
			for (end = at; end < n && (isdigit((unsigned char)text[end]) || text[end] == '.'); end++)
				;
			if (end == at || !strchr(",: [\t", text[at - 1]))
				continue;
			for (k = 0; k < sizeof(odd) / sizeof(odd[0]); k++) {
				size_t m = strlen(odd[k]);

				memcpy(changed, text, at);
				memcpy(changed + at, odd[k], m);
				memcpy(changed + at + m, text + end, n - end);
				memset(&err, 0, sizeof(err));
				if (collect_text(&c, formats[f].importer, "bad", changed, n - (end - at) + m, &err)) {
					assert_has_place(&err);
				} else {
					for (i = 0; i < c.n_samples; i++)
						if (c.samples[i].status == JM_SAMPLE_OK && !has_sample(&whole, &c, i))
							fail_msg("%s with %s at byte %zu has a new reading %lld",
								 formats[f].fixture, odd[k], at,
								 (long long)c.samples[i].value);
				}
				collect_finish(&c);
			}
		}
		collect_finish(&whole);
		free(text);
		free(changed);
	}
}

#define S "20300101-00:00:0"

struct odd {
	const char *importer, *text;
	int rc;
	size_t n_spans, n_samples; /* when rc is 0 */
	const char *says;          /* part of a warning or of the error */
};

static void odd_files_are_told_of_or_refused(void **state)
{
	static const struct odd odds[] = {
	    /* Negative durations. */
	    {"tensorrt_latency", "{\"a\": [0.5,\n-0.25]}", JM_E_FORMAT, 0, 0, "bad:2 (byte"},
	    {"chrome", "[{\"name\": \"a\", \"ph\": \"X\", \"ts\": 1, \"dur\": -1}]", 0, 0, 0,
	     "bad:1: an event with negative"},
	    {"onnxruntime", "[{\"cat\": \"Node\", \"name\": \"a_kernel_time\", \"ph\": \"X\", \"ts\": 1, \"dur\": -1}]",
	     0, 0, 0, "bad:1: an event with negative"},
	    {"csv_spans", "name,start_us,end_us\na,5,4\nb,5,6\n", 0, 1, 0, "bad:2: a span that ends before it starts"},
	    {"csv_spans", "name,start_us,duration_us\na,5,-4\n", 0, 0, 0, "bad:2: a span that ends before it starts"},
	    {"trtexec", "[{\"count\": 1}, {\"name\": \"a\", \"timeMs\": -1, \"averageMs\": -1}]", 0, 0, 0,
	     "a negative duration was left out"},
	    /* Overlapping, nested, out of order. */
	    {"csv_spans", "a,0,10\nb,5,15\n", 0, 2, 0, "1 spans of one track overlap"},
	    {"csv_spans", "b,5,10\na,0,20\n", 0, 2, 0, ""},
	    {"chrome",
	     "[{\"name\": \"b\", \"ph\": \"X\", \"ts\": 5, \"dur\": 10}, {\"name\": \"a\", \"ph\": \"X\", \"ts\": 0, "
	     "\"dur\": 10}]",
	     0, 2, 0, "1 events of one thread overlap"},
	    {"tensorrt_latency", "{\"a\": [[900.0, \"" S "1.5\"]], \"b\": [[900.0, \"" S "1.6\"]]}", 0, 3, 0,
	     "laid back to back"},
	    /* Clocks that step. */
	    {"tensorrt_latency", "{\"a\": [[1.0, \"" S "2.5\"], [1.0, \"" S "1.5\"]]}", 0, 4, 0, "steps back 1 times"},
	    {"power_lines", S "2.5,1.0,1.0\n" S "1.5,1.0,1.0\n", 0, 0, 2, "steps back 1 times"},
	    {"nvidia_smi",
	     "timestamp, power.draw [W]\n2030/01/01 00:00:02.000, 5.00 W\n2030/01/01 00:00:01.000, 6.00 W\n", 0, 0, 2,
	     "steps back 1 times"},
	    {"gpu_sources", "instant,2000000,0,5\ninstant,1000000,0,6\n", 0, 0, 2, "steps back 1 times"},
	    {"process_power", "{\"cpu\": [{\"time\": \"yesterday\"}]}", JM_E_FORMAT, 0, 0, "bad:1"},
	    /* Times that leave the range. */
	    {"csv_spans", "name,start_s,end_s\na,1,9e18\n", JM_E_FORMAT, 0, 0, "bad:2"},
	    {"chrome", "[{\"name\": \"a\", \"ph\": \"X\", \"ts\": 9e18, \"dur\": 1}]", JM_E_FORMAT, 0, 0, "bad:1"},
	    {"power_lines", "99991231-00:00:00.5,1.0,1.0\n", JM_E_FORMAT, 0, 0, "bad:1"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(odds) / sizeof(odds[0]); i++) {
		const struct odd *o = &odds[i];
		struct jm_error err = {0};
		struct collected c;
		int rc = collect_text(&c, o->importer, "bad", o->text, strlen(o->text), &err);

		if (rc != o->rc || (!rc && (c.n_spans != o->n_spans || c.n_samples != o->n_samples)) ||
		    !strstr(rc ? err.message : c.warnings, o->says))
			print_error("%s of %s: %d, %zu spans, %zu readings; %s; %s\n", o->importer, o->text, rc,
				    c.n_spans, c.n_samples, err.message, c.warnings);
		assert_int_equal(rc, o->rc);
		if (!rc) {
			assert_int_equal(c.n_spans, o->n_spans);
			assert_int_equal(c.n_samples, o->n_samples);
		}
		assert_non_null(strstr(rc ? err.message : c.warnings, o->says));
		collect_finish(&c);
	}
}

/* How each importer of spans writes a layer of that name, the i-th, as JSON or CSV. */
struct writer {
	const char *importer, *begin, *format, *end, *separator;
	bool is_csv;
	size_t n_others; /* spans beside the layers */
};

static const struct writer writers[] = {
    {"tensorrt_latency", "{", "%s: [0.5]", "}", ", ", false, 1},
    {"onnxruntime", "[{\"cat\": \"Session\", \"name\": \"model_run\", \"ph\": \"X\", \"ts\": 0, \"dur\": 9000000}, ",
     "{\"cat\": \"Node\", \"name\": %s, \"ph\": \"X\", \"ts\": %zu, \"dur\": 1, \"args\": {\"op_name\": \"Conv\"}}",
     "]", ", ", false, 1},
    {"chrome", "[", "{\"cat\": \"cpu_op\", \"name\": %s, \"ph\": \"X\", \"ts\": %zu, \"dur\": 1}", "]", ", ", false, 0},
    {"trtexec", "[{\"count\": 1}, ", "{\"name\": %s, \"timeMs\": 1, \"averageMs\": 1}", "]", ", ", false, 0},
    {"csv_spans", "name,start_us,duration_us\n", "%s,%zu,1", "\n", "\n", true, 0},
};
#define N_WRITERS (sizeof(writers) / sizeof(writers[0]))

static void append_name(struct jm_buffer *b, const struct writer *w, const char *name, size_t i)
{
	struct jm_buffer quoted = {0}, longer = {0};

	jm_buffer_puts(&longer, name);
	if (strcmp(w->importer, "onnxruntime") == 0)
		jm_buffer_puts(&longer, "_kernel_time");
	if (w->is_csv)
		jm_buffer_csv(&quoted, jm_buffer_terminate(&longer));
	else
		jm_buffer_json_string(&quoted, jm_buffer_terminate(&longer));
	jm_buffer_puts(b, i ? w->separator : "");
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	jm_buffer_printf(b, w->format, jm_buffer_terminate(&quoted), i);
#pragma GCC diagnostic pop
	jm_buffer_finish(&quoted);
	jm_buffer_finish(&longer);
}

static void read_names(struct collected *c, const struct writer *w, const char *const *names, size_t n)
{
	struct jm_buffer text = {0};
	struct jm_error err = {0};
	size_t i;

	jm_buffer_puts(&text, w->begin);
	for (i = 0; i < n; i++)
		append_name(&text, w, names[i], i);
	jm_buffer_puts(&text, w->end);
	assert_non_null(jm_buffer_terminate(&text));
	if (collect_text(c, w->importer, "bad", text.data, text.n, &err))
		fail_msg("%s: %s", w->importer, err.message);
	assert_int_equal(c->n_spans, n + w->n_others);
	jm_buffer_finish(&text);
}

static size_t count_layers(const struct collected *c, const char *name)
{
	size_t i, n = 0;

	for (i = 0; i < c->n_spans; i++)
		n += c->spans[i].kind == JM_SPAN_LAYER && strcmp(collected_name(c, i), name) == 0;
	return n;
}

static void names_stay_as_they_are(void **state)
{
	static const char *const names[] = {
	    "a, b", "say \"no\"", "two\nlines", "a\ttab\\", "'", "conv [1/2] + (relu)", "\xc3\xa9\xe2\x82\xac",
	    "%s%n", ";",          "<b>",        "=1+1"};
	size_t w, i, n = sizeof(names) / sizeof(names[0]);
	struct collected c;

	(void)state;
	for (w = 0; w < N_WRITERS; w++) {
		read_names(&c, &writers[w], names, n);
		for (i = 0; i < n; i++)
			if (count_layers(&c, names[i]) != 1)
				fail_msg("%s loses the name %s", writers[w].importer, names[i]);
		collect_finish(&c);
	}
}

static void ten_thousand_layers_are_told_apart(void **state)
{
	enum { N = 10000 };
	static char texts[N][24];
	static const char *names[N];
	struct collected c;
	size_t w, i;

	(void)state;
	for (i = 0; i < N; i++) {
		snprintf(texts[i], sizeof(texts[i]), "layer/%zu", i);
		names[i] = texts[i];
	}
	for (w = 0; w < N_WRITERS; w++) {
		read_names(&c, &writers[w], names, N);
		assert_true(c.names.n >= N);
		assert_int_equal(count_layers(&c, "layer/0"), 1);
		assert_int_equal(count_layers(&c, "layer/9999"), 1);
		collect_finish(&c);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_cut_file_is_refused_or_told_and_yields_nothing_new),
	    cmocka_unit_test(double_encoding_changes_nothing),
	    cmocka_unit_test(no_nan_is_taken_for_a_number),
	    cmocka_unit_test(odd_files_are_told_of_or_refused),
	    cmocka_unit_test(names_stay_as_they_are),
	    cmocka_unit_test(ten_thousand_layers_are_told_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
