#define _GNU_SOURCE
#include "trace/collect.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static int read_text(struct collected *c, const char *text, struct jm_error *err)
{
	memset(err, 0, sizeof(*err));
	return collect_text(c, "perf_stat", "log", text, strlen(text), err);
}

static int64_t value_of(const struct collected *c, size_t i)
{
	return c->samples[i].value - c->samples[0].value;
}

/* Lines as perf 6.1 writes them with -o FILE; the energies are made up. */
static void intervals_become_counters(void **state)
{
	struct jm_error err;
	struct collected c;

	(void)state;
	assert_int_equal(read_text(&c,
				   "# started on Sat Nov 21 18:00:00 2026\n\n"
				   "     0.100104746,1.50,Joules,power/energy-cores/,100104746,100.00,,\n"
				   "     0.100104746,2.25,Joules,power/energy-pkg/,100104746,100.00,,\n"
				   "     0.100104746,103.20,msec,task-clock,103200000,100.00,1.031,CPUs utilized\n"
				   "     0.200205054,0.50,Joules,power/energy-cores/,100100308,100.00,,\n"
				   "     0.200205054,1.75,Joules,power/energy-pkg/,100100308,100.00,,\n",
				   &err),
			 0);
	assert_int_equal(c.clock, JM_TRACE_CLOCK_RELATIVE);
	assert_int_equal(c.n_channels, 2);
	assert_string_equal(c.channels[0].name, "import/perf/energy-pkg");
	assert_int_equal(c.channels[0].kind, JM_KIND_COUNTER);
	assert_int_equal(c.channels[0].part_of, -1);
	assert_string_equal(c.channels[1].name, "import/perf/energy-cores");
	assert_int_equal(c.channels[1].part_of, 0);
	assert_int_equal(c.n_samples, 6);
	assert_int_equal(c.samples[0].t_ns, 0);
	assert_int_equal(c.samples[1].t_ns, 0);
	assert_int_equal(c.samples[2].t_ns, 100104746);
	assert_int_equal(c.samples[2].channel, 1);
	assert_int_equal(value_of(&c, 2), 1500000);
	assert_int_equal(value_of(&c, 4), 2000000);
	assert_int_equal(value_of(&c, 5), 4000000);
	assert_non_null(strstr(c.warnings, "1 lines of events that are no energy"));
	assert_null(strstr(c.warnings, "order"));
	collect_finish(&c);
}

static void sockets_have_channels_of_their_own(void **state)
{
	struct jm_error err;
	struct collected c;

	(void)state;
	assert_int_equal(read_text(&c,
				   "1.0,S0,1,2.00,Joules,power/energy-pkg/,1000000000,100.00,,\n"
				   "1.0,S1,1,3.00,Joules,power/energy-pkg/,1000000000,100.00,,\n"
				   "1.0,S1,1,1.00,Joules,power/energy-cores/,1000000000,100.00,,\n"
				   "1.0,S0,1,9.00,Joules,power/energy-psys/,1000000000,100.00,,\n",
				   &err),
			 0);
	assert_int_equal(c.n_channels, 4);
	assert_string_equal(c.channels[0].name, "import/perf/S0/energy-psys");
	assert_string_equal(c.channels[1].name, "import/perf/S0/energy-pkg");
	assert_int_equal(c.channels[1].part_of, 0);
	assert_string_equal(c.channels[2].name, "import/perf/S1/energy-pkg");
	assert_int_equal(c.channels[2].part_of, -1);
	assert_int_equal(c.channels[3].part_of, 2);
	collect_finish(&c);
}

/* The counter goes back: energy of the second and third interval is not known, that of the fourth is. */
static void what_perf_did_not_count_gives_no_energy(void **state)
{
	struct jm_error err;
	struct collected c;

	(void)state;
	assert_int_equal(read_text(&c,
				   "1.0,2.00,Joules,power/energy-pkg/,1000000000,100.00,,\n"
				   "2.0,<not counted>,Joules,power/energy-pkg/,0,100.00,,\n"
				   "3.0,<not counted>,Joules,power/energy-pkg/,0,100.00,,\n"
				   "4.0,5.00,Joules,power/energy-pkg/,1000000000,100.00,,\n",
				   &err),
			 0);
	assert_int_equal(c.n_samples, 5);
	assert_true(c.samples[2].value < c.samples[1].value);
	assert_true(c.samples[3].value < c.samples[2].value);
	assert_int_equal(c.samples[4].value - c.samples[3].value, 5000000);
	assert_true(c.samples[3].value > 0);
	assert_non_null(strstr(c.warnings, "perf did not count 2 times"));
	collect_finish(&c);
}

static void a_line_that_is_cut_off_is_left_out(void **state)
{
	struct jm_error err;
	struct collected c;

	(void)state;
	assert_int_equal(read_text(&c,
				   "1.0,2.00,Joules,power/energy-pkg/,1000000000,100.00,,\n"
				   "2.0,1",
				   &err),
			 0);
	assert_int_equal(c.n_samples, 2);
	assert_non_null(strstr(c.warnings, "the last line has no end"));
	collect_finish(&c);
}

static void bad_files_are_refused_with_their_place(void **state)
{
	static const char *const bad[] = {"",
					  "1.0,12.0,msec,task-clock,1,100.00,,\n",
					  "soon,2.00,Joules,power/energy-pkg/,1,100.00,,\n",
					  "-1,2.00,Joules,power/energy-pkg/,1,100.00,,\n",
					  "1.0,much,Joules,power/energy-pkg/,1,100.00,,\n",
					  "1.0,-2.00,Joules,power/energy-pkg/,1,100.00,,\n",
					  "1.0,1e300,Joules,power/energy-pkg/,1,100.00,,\n",
					  "1.0,2.00,Joules\n"};
	struct jm_error err;
	struct collected c;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(read_text(&c, bad[i], &err), JM_E_FORMAT);
		assert_memory_equal(err.message, "log:", 4);
		assert_int_equal(c.n_samples, 0);
		collect_finish(&c);
	}
}

static void it_is_known_by_its_content(void **state)
{
	static const char text[] = "     0.100104746,2.25,Joules,power/energy-pkg/,100104746,100.00,,\n";

	struct jm_error err;
	struct collected c;

	(void)state;
	assert_int_equal(collect_text(&c, NULL, "log", text, sizeof(text) - 1, &err), 0);
	assert_string_equal(c.channels[0].name, "import/perf/energy-pkg");
	collect_finish(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(intervals_become_counters),
	    cmocka_unit_test(sockets_have_channels_of_their_own),
	    cmocka_unit_test(what_perf_did_not_count_gives_no_energy),
	    cmocka_unit_test(a_line_that_is_cut_off_is_left_out),
	    cmocka_unit_test(bad_files_are_refused_with_their_place),
	    cmocka_unit_test(it_is_known_by_its_content),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
