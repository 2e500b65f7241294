#define _GNU_SOURCE
#include "trace/collect.h"

#include "trace/cuda_activity.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Writes a file as the library does, but with bytes of its own. */
struct file {
	char bytes[1 << 16];
	size_t n;
};

static char *put(struct file *f, unsigned type, unsigned n)
{
	char *at = f->bytes + f->n;

	memset(at, 0, n);
	at[0] = (char)type;
	at[2] = (char)n;
	at[3] = (char)(n >> 8);
	f->n += n;
	return at;
}

static void u32(char *at, uint32_t value)
{
	int i;

	for (i = 0; i < 4; i++)
		at[i] = (char)(value >> 8 * i);
}

static void u64(char *at, uint64_t value)
{
	u32(at, (uint32_t)value);
	u32(at + 4, (uint32_t)(value >> 32));
}

static void begin(struct file *f)
{
	f->n = JM_ACTIVITY_HEADER_BYTES;
	memset(f->bytes, 0, f->n);
	memcpy(f->bytes, JM_ACTIVITY_MAGIC, 8);
	u32(f->bytes + 8, 1);
	u32(f->bytes + 12, JM_ACTIVITY_HEADER_BYTES);
	u32(f->bytes + 16, 42);
}

static void text(struct file *f, unsigned type, uint32_t number, const char *value)
{
	unsigned n = (unsigned)strlen(value);
	char *at = put(f, type, (12 + n + 7) / 8 * 8);

	u32(at + 4, number);
	u32(at + 8, n);
	memcpy(at + 12, value, n);
}

static char *work(struct file *f, unsigned type, uint32_t what, uint64_t start, uint64_t end, uint32_t correlation)
{
	char *at = put(f, type, type == JM_ACTIVITY_KERNEL ? 48 : 56);

	u32(at + 4, what);
	u64(at + 8, start);
	u64(at + 16, end);
	u32(at + 28, 1);
	u32(at + 32, 7);
	u32(at + 36, correlation);
	return at;
}

static void clock_at(struct file *f, uint64_t ours, uint64_t theirs)
{
	char *at = put(f, JM_ACTIVITY_CLOCK, 32);

	u64(at + 8, ours - 10);
	u64(at + 16, theirs);
	u64(at + 24, ours + 10);
}

static void range(struct file *f, uint32_t name, uint64_t id, uint64_t from, uint64_t to)
{
	char *at = put(f, JM_ACTIVITY_RANGE_BEGIN, 40);

	u32(at + 4, name);
	u64(at + 8, id);
	u64(at + 16, from);
	u32(at + 24, 42);
	at = put(f, JM_ACTIVITY_RANGE_END, 24);
	u64(at + 8, id);
	u64(at + 16, to);
}

static void launch(struct file *f, uint32_t correlation, uint64_t id)
{
	char *at = put(f, JM_ACTIVITY_LAUNCH, 16);

	u32(at + 4, correlation);
	u64(at + 8, id);
}

static void end(struct file *f)
{
	put(f, JM_ACTIVITY_END, 24);
}

static int read_file(struct collected *c, const struct file *f, struct jm_error *err)
{
	return collect_text(c, NULL, "a.jmca", f->bytes, f->n, err);
}

static const struct jm_span *span_of(const struct collected *c, const char *name, enum jm_span_kind kind)
{
	size_t i;

	for (i = 0; i < c->n_spans; i++)
		if (c->spans[i].kind == kind && strcmp(c->names.items[c->spans[i].name].text, name) == 0)
			return &c->spans[i];
	return NULL;
}

static void kernels_copies_and_sets_become_spans_on_the_track_of_their_stream(void **state)
{
	struct collected c;
	struct file f;
	const struct jm_span *kernel, *copy;

	(void)state;
	begin(&f);
	text(&f, JM_ACTIVITY_NAME, 1, "_Z3addPf");
	clock_at(&f, 1000, 1000);
	work(&f, JM_ACTIVITY_KERNEL, 1, 2000, 2500, 1);
	work(&f, JM_ACTIVITY_COPY, 1, 3000, 3100, 2);
	work(&f, JM_ACTIVITY_SET, 0, 3200, 3300, 3);
	u32(work(&f, JM_ACTIVITY_KERNEL, 1, 4000, 4500, 4) + 40, 9);
	text(&f, JM_ACTIVITY_DEVICE, 0, "0000:1a:00.0,NVIDIA Something");
	end(&f);
	assert_int_equal(read_file(&c, &f, NULL), 0);
	assert_int_equal(c.clock, JM_TRACE_CLOCK_MONOTONIC);
	assert_int_equal(c.n_spans, 4);
	kernel = span_of(&c, "add", JM_SPAN_KERNEL);
	copy = span_of(&c, "memcpy HtoD", JM_SPAN_COPY);
	assert_non_null(kernel);
	assert_non_null(copy);
	assert_non_null(span_of(&c, "memset", JM_SPAN_COPY));
	assert_true(kernel->start_ns == 2000 && kernel->end_ns == 2500 && kernel->track == copy->track);
	assert_string_equal(c.names.items[c.spans[3].name].type, "graph 9");
	assert_non_null(strstr(c.meta, "track_0=process 42 GPU 0 context 1 stream 7\n"));
	assert_non_null(strstr(c.meta, "track_0_device=0000:1a:00.0\n"));
	assert_non_null(strstr(c.meta, "cuda_kernels=2\ncuda_copies=2\n"));
	assert_string_equal(c.warnings, "");
	collect_finish(&c);
}

static void cupti_s_clock_is_tied_to_ours_by_the_line_between_two_readings(void **state)
{
	/* Theirs runs 1000 ppm fast and began elsewhere. */
	static const uint64_t origin = UINT64_C(1700000000000000000);
	struct collected c;
	struct file f;
	const struct jm_span *kernel;
	uint64_t t;

	(void)state;
	begin(&f);
	text(&f, JM_ACTIVITY_NAME, 1, "k");
	for (t = 1000000; t <= 3000000; t += 1000000)
		clock_at(&f, t, origin + t + t / 1000);
	work(&f, JM_ACTIVITY_KERNEL, 1, origin + 1500000 + 1500, origin + 2500000 + 2500, 1);
	end(&f);
	assert_int_equal(read_file(&c, &f, NULL), 0);
	kernel = span_of(&c, "k", JM_SPAN_KERNEL);
	assert_in_range(kernel->start_ns, 1499998, 1500002);
	assert_in_range(kernel->end_ns, 2499998, 2500002);
	assert_non_null(strstr(c.meta, "cuda_clock_residual_ns=0\n"));
	collect_finish(&c);
}

static void work_launched_in_a_range_counts_for_the_range_whenever_it_runs(void **state)
{
	struct collected c;
	struct file f;
	const struct jm_span *cpu = NULL, *device = NULL;
	size_t i;

	(void)state;
	begin(&f);
	text(&f, JM_ACTIVITY_NAME, 1, "k");
	text(&f, JM_ACTIVITY_NAME, 2, "layer 1");
	range(&f, 2, 77, 100, 200);
	work(&f, JM_ACTIVITY_KERNEL, 1, 5000, 6000, 3); /* long after the range, and before its launch is known */
	launch(&f, 3, 77);
	work(&f, JM_ACTIVITY_KERNEL, 1, 7000, 8000, 4); /* of no range */
	end(&f);
	assert_int_equal(read_file(&c, &f, NULL), 0);
	assert_int_equal(c.n_spans, 4);
	for (i = 0; i < c.n_spans; i++)
		if (c.spans[i].kind == JM_SPAN_RANGE)
			*(c.spans[i].flags & JM_SPAN_DEVICE ? &device : &cpu) = &c.spans[i];
	assert_true(cpu && cpu->start_ns == 100 && cpu->end_ns == 200);
	assert_true(device && device->start_ns == 5000 && device->end_ns == 6000);
	assert_string_equal(c.names.items[device->name].text, "layer 1");
	assert_int_not_equal(cpu->track, device->track);
	collect_finish(&c);
}

static void kernels_that_shorten_alike_stay_apart(void **state)
{
	struct collected c;
	struct file f;

	(void)state;
	begin(&f);
	text(&f, JM_ACTIVITY_NAME, 1, "_Z1kIiEvSt5arrayIiLm1EET_");
	text(&f, JM_ACTIVITY_NAME, 2, "_Z1kIiEvSt5arrayIiLm2EET_");
	work(&f, JM_ACTIVITY_KERNEL, 1, 10, 20, 1);
	work(&f, JM_ACTIVITY_KERNEL, 2, 30, 40, 2);
	end(&f);
	assert_int_equal(read_file(&c, &f, NULL), 0);
	assert_non_null(span_of(&c, "k<int>", JM_SPAN_KERNEL));
	assert_non_null(span_of(&c, "k<int> (2)", JM_SPAN_KERNEL));
	collect_finish(&c);
}

static void what_is_missing_is_said(void **state)
{
	struct collected c;
	struct file f;

	(void)state;
	begin(&f);
	text(&f, JM_ACTIVITY_STATUS, 6, "the driver lets only administrators profile");
	u64(put(&f, JM_ACTIVITY_DROPPED, 16) + 8, 5);
	work(&f, JM_ACTIVITY_KERNEL, 1, 0, 0, 1);
	assert_int_equal(read_file(&c, &f, NULL), 0);
	assert_int_equal(c.n_spans, 0);
	assert_non_null(strstr(c.warnings, "process 42: the driver lets only administrators profile"));
	assert_non_null(strstr(c.warnings, "dropped 5 records"));
	assert_non_null(strstr(c.warnings, "1 kernels or copies came without times"));
	assert_non_null(strstr(c.warnings, "ended without closing"));
	collect_finish(&c);
}

static void a_file_torn_anywhere_gives_what_was_whole(void **state)
{
	struct collected whole, c;
	struct file f;
	size_t n, n_before = 0;

	(void)state;
	begin(&f);
	text(&f, JM_ACTIVITY_NAME, 1, "k");
	for (n = 0; n < 5; n++)
		work(&f, JM_ACTIVITY_KERNEL, 1, 10 + 20 * n, 20 + 20 * n, (uint32_t)n);
	end(&f);
	assert_int_equal(read_file(&whole, &f, NULL), 0);
	assert_int_equal(whole.n_spans, 5);
	collect_finish(&whole);
	for (n = JM_ACTIVITY_HEADER_BYTES; n < f.n; n++) {
		assert_int_equal(collect_text(&c, NULL, "a.jmca", f.bytes, n, NULL), 0);
		assert_true(c.n_spans >= n_before && c.n_spans <= 5);
		assert_non_null(strstr(c.warnings, "without closing"));
		n_before = c.n_spans;
		collect_finish(&c);
	}
	assert_int_equal(n_before, 5);
}

static void unknown_records_are_passed_over_and_damage_is_refused_with_its_place(void **state)
{
	struct jm_error err = {0};
	struct collected c;
	struct file f;

	(void)state;
	begin(&f);
	put(&f, 99, 64);
	work(&f, JM_ACTIVITY_KERNEL, 12345, 10, 20, 1); /* a name that the file does not hold */
	end(&f);
	assert_int_equal(read_file(&c, &f, NULL), 0);
	assert_non_null(span_of(&c, "(unnamed kernel)", JM_SPAN_KERNEL));
	collect_finish(&c);

	begin(&f);
	put(&f, JM_ACTIVITY_KERNEL, 8);
	assert_int_equal(read_file(&c, &f, &err), JM_E_FORMAT);
	assert_non_null(strstr(err.message, "a.jmca: a record too short for its type at byte 48"));
	collect_finish(&c);

	begin(&f);
	u32(put(&f, JM_ACTIVITY_NAME, 16) + 8, 5000);
	assert_int_equal(read_file(&c, &f, &err), JM_E_FORMAT);
	collect_finish(&c);

	begin(&f);
	u32(f.bytes + 8, 2);
	assert_int_equal(read_file(&c, &f, &err), JM_E_VERSION);
	collect_finish(&c);
}

static void a_file_of_a_real_gpu_is_read(void **state)
{
	struct collected c;
	size_t i, n_kernels = 0, n_in_ranges = 0;

	(void)state;
	assert_int_equal(collect_fixture(&c, "cuda_h200.jmca", NULL), 0);
	for (i = 0; i < c.n_spans; i++) {
		n_kernels += c.spans[i].kind == JM_SPAN_KERNEL;
		n_in_ranges += c.spans[i].kind == JM_SPAN_RANGE && c.spans[i].flags == JM_SPAN_DEVICE;
	}
	assert_int_equal(n_kernels, 53);
	/* Twice two blocks, each of 13 kernels and a memset. */
	assert_int_equal(n_in_ranges, 56);
	assert_non_null(span_of(&c, "block 1", JM_SPAN_RANGE));
	assert_non_null(
	    span_of(&c, "at::native::vectorized_elementwise_kernel<4, GeluCUDAKernelImpl, ...>", JM_SPAN_KERNEL));
	assert_non_null(strstr(c.meta, "cuda_clock_ahead_ns=0\n"));
	assert_string_equal(c.warnings, "");
	collect_finish(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(kernels_copies_and_sets_become_spans_on_the_track_of_their_stream),
	    cmocka_unit_test(cupti_s_clock_is_tied_to_ours_by_the_line_between_two_readings),
	    cmocka_unit_test(work_launched_in_a_range_counts_for_the_range_whenever_it_runs),
	    cmocka_unit_test(kernels_that_shorten_alike_stay_apart),
	    cmocka_unit_test(what_is_missing_is_said),
	    cmocka_unit_test(a_file_torn_anywhere_gives_what_was_whole),
	    cmocka_unit_test(unknown_records_are_passed_over_and_damage_is_refused_with_its_place),
	    cmocka_unit_test(a_file_of_a_real_gpu_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
