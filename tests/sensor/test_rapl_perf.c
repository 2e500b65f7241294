#define _GNU_SOURCE
#include "support/sensors.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <sys/syscall.h>

#define PMU "/sys/bus/event_source/devices/power"
#define SCALE "2.3283064365386962890625e-10\n" /* 2^-32 J */
#define OPENS_MAX 64

/* Stands in for the kernel: each event is a pipe that the test fills with what a read is to give. */
struct fake {
	int n;
	struct {
		uint64_t config;
		int cpu, group_fd, fd, write_fd;
	} opens[OPENS_MAX];
	int fail_errno;      /* of every call; 0: none */
	bool refuses_groups; /* as kernels do where a group cannot be made */
	uint64_t preset;     /* not 0: what a fresh event reads */
};

static long fake_open(void *ctx, void *attr_, pid_t pid, int cpu, int group_fd, unsigned long flags)
{
	const struct perf_event_attr *attr = attr_;
	struct fake *f = ctx;
	int fds[2];

	if (pid != -1 || flags != PERF_FLAG_FD_CLOEXEC || attr->type != 23 || attr->sample_period != 0 ||
	    (group_fd >= 0 && f->refuses_groups)) {
		errno = EINVAL;
		return -1;
	}
	if (f->fail_errno || f->n == OPENS_MAX) {
		errno = f->fail_errno;
		return -1;
	}
	if (pipe2(fds, O_NONBLOCK | O_CLOEXEC))
		return -1;
	f->opens[f->n].config = attr->config;
	f->opens[f->n].cpu = cpu;
	f->opens[f->n].group_fd = group_fd;
	f->opens[f->n].fd = fds[0];
	f->opens[f->n].write_fd = fds[1];
	f->n++;
	if (f->preset) {
		uint64_t first[2] = {1, f->preset};

		assert_int_equal(write(fds[1], first, sizeof(first)), sizeof(first));
	}
	return fds[0];
}

static int no_sleep(void *ctx, int64_t t_ns)
{
	(void)ctx;
	(void)t_ns;
	return 0;
}

static void add_event(const struct bench *b, const char *name, const char *code)
{
	char path[200];

	snprintf(path, sizeof(path), PMU "/events/%s", name);
	tree_printf(&b->tree, path, "%s\n", code);
	snprintf(path, sizeof(path), PMU "/events/%s.scale", name);
	tree_write(&b->tree, path, SCALE);
	snprintf(path, sizeof(path), PMU "/events/%s.unit", name);
	tree_write(&b->tree, path, "Joules\n");
}

static void begin(struct bench *b, struct fake *f, const char *cpumask)
{
	bench_begin(b, NULL);
	memset(f, 0, sizeof(*f));
	b->env.perf_event_open = fake_open;
	b->env.sleep_until_ns = no_sleep;
	b->env.ctx = f;
	tree_write(&b->tree, "/proc/cpuinfo", "vendor_id\t: GenuineIntel\nflags\t\t: msr\n");
	tree_write(&b->tree, PMU "/type", "23\n");
	tree_write(&b->tree, PMU "/cpumask", cpumask);
}

static void end(struct bench *b, struct fake *f)
{
	int i;

	for (i = 0; i < f->n; i++)
		close(f->opens[i].write_fd);
	bench_end(b);
}

static void forget_trials(struct fake *f)
{
	int i;

	for (i = 0; i < f->n; i++)
		close(f->opens[i].write_fd);
	f->n = 0;
}

static void open_all(struct bench *b)
{
	size_t i;

	for (i = 0; i < b->set.n_sensors; i++)
		assert_int_equal(b->set.sensors[i].driver->open(&b->set.sensors[i], &b->why), 0);
}

static void give(struct fake *f, int open_i, uint64_t n, uint64_t a, uint64_t b)
{
	uint64_t values[3] = {n, a, b};
	size_t size = (n + 1) * sizeof(uint64_t);

	assert_int_equal(write(f->opens[open_i].write_fd, values, size), size);
}

static void one_group_read_gives_all_events_of_a_package(void **state)
{
	struct bench b;
	struct fake f;

	(void)state;
	begin(&b, &f, "0\n");
	add_event(&b, "energy-pkg", "event=0x02");
	add_event(&b, "energy-cores", "event=0x01");
	bench_probe(&b, "rapl_perf");
	forget_trials(&f);
	open_all(&b);
	assert_int_equal(f.n, 2);
	assert_int_equal(f.opens[0].config, 2);
	assert_int_equal(f.opens[0].group_fd, -1);
	assert_int_equal(f.opens[1].group_fd, f.opens[0].fd);
	/* 2^32 counts are 1 J; 3 * 2^31 are 1.5 J. */
	give(&f, 0, 2, UINT64_C(1) << 32, UINT64_C(3) << 31);
	assert_int_equal(bench_value(&b, "rapl_perf/package-0"), 1000000);
	give(&f, 0, 2, UINT64_C(1) << 32, UINT64_C(3) << 31);
	assert_int_equal(bench_value(&b, "rapl_perf/package-0/core"), 1500000);
	end(&b, &f);
}

static void long_runs_keep_the_last_microjoule(void **state)
{
	struct bench b;
	struct fake f;

	(void)state;
	begin(&b, &f, "0\n");
	add_event(&b, "energy-pkg", "event=0x02");
	bench_probe(&b, "rapl_perf");
	forget_trials(&f);
	open_all(&b);
	/* 4e9 J (a year at 127 W) = 4e9 * 2^32 counts; 4295 counts are the first to make one more uJ (2^32 / 1e6 =
	 * 4294.97). */
	give(&f, 0, 1, UINT64_C(4000000000) << 32, 0);
	assert_true(bench_value(&b, "rapl_perf/package-0") == INT64_C(4000000000000000));
	give(&f, 0, 1, (UINT64_C(4000000000) << 32) + 4294, 0);
	assert_true(bench_value(&b, "rapl_perf/package-0") == INT64_C(4000000000000000));
	give(&f, 0, 1, (UINT64_C(4000000000) << 32) + 4295, 0);
	assert_true(bench_value(&b, "rapl_perf/package-0") == INT64_C(4000000000000001));
	end(&b, &f);
}

static void two_packages_have_a_group_each(void **state)
{
	struct bench b;
	struct fake f;

	(void)state;
	begin(&b, &f, "0,24\n");
	/* Processor 0 lies in package 1: names follow packages, not the order of the mask. */
	tree_write(&b.tree, "/sys/devices/system/cpu/cpu0/topology/physical_package_id", "1\n");
	tree_write(&b.tree, "/sys/devices/system/cpu/cpu24/topology/physical_package_id", "0\n");
	add_event(&b, "energy-pkg", "event=0x02");
	add_event(&b, "energy-ram", "event=0x03");
	add_event(&b, "energy-psys", "event=0x05");
	bench_probe(&b, "rapl_perf");
	forget_trials(&f);
	open_all(&b);
	assert_int_equal(b.set.n_sensors, 1);
	assert_int_equal(b.set.n_channels, 5);
	assert_int_equal(bench_channel(&b, "rapl_perf/package-0")->device, 0);
	assert_int_equal(bench_channel(&b, "rapl_perf/package-1/dram")->device, 1);
	assert_int_equal(bench_channel(&b, "rapl_perf/package-1/dram")->part_of, bench_index(&b, "rapl_perf/psys"));
	assert_int_equal(f.n, 5);
	assert_int_equal(f.opens[0].cpu, 24);
	assert_int_equal(f.opens[3].cpu, 0);
	assert_int_equal(f.opens[3].group_fd, -1);
	/* Nothing from the first package's group: gaps there, and values from the second. */
	give(&f, 3, 2, UINT64_C(7) << 32, 0);
	assert_int_equal(bench_value(&b, "rapl_perf/package-1"), 7000000);
	give(&f, 3, 2, UINT64_C(7) << 32, 0);
	bench_expect_gap(&b, "rapl_perf/package-0");
	end(&b, &f);
}

static void events_are_read_alone_where_groups_are_refused(void **state)
{
	struct bench b;
	struct fake f;

	(void)state;
	begin(&b, &f, "0\n");
	f.refuses_groups = true;
	add_event(&b, "energy-pkg", "event=0x02");
	add_event(&b, "energy-ram", "event=0x03");
	bench_probe(&b, "rapl_perf");
	forget_trials(&f);
	open_all(&b);
	give(&f, 0, 1, UINT64_C(1) << 32, 0);
	give(&f, 1, 1, UINT64_C(2) << 32, 0);
	assert_int_equal(bench_value(&b, "rapl_perf/package-0/dram"), 2000000);
	end(&b, &f);
}

static void many_packages_are_a_sensor_each(void **state)
{
	struct bench b;
	struct fake f;

	(void)state;
	begin(&b, &f, "0-3\n");
	add_event(&b, "energy-pkg", "event=0x02");
	add_event(&b, "energy-ram", "event=0x03");
	add_event(&b, "energy-cores", "event=0x01");
	bench_probe(&b, "rapl_perf");
	assert_int_equal(b.set.n_sensors, 4);
	assert_int_equal(b.set.n_channels, 12);
	assert_string_equal(b.set.sensors[3].name, "rapl_perf/package-3");
	assert_int_equal(bench_channel(&b, "rapl_perf/package-3/core")->part_of,
			 bench_index(&b, "rapl_perf/package-3"));
	end(&b, &f);
}

static void lack_of_permission_comes_with_the_command(void **state)
{
	const struct jm_channel *c;
	struct bench b;
	struct fake f;

	(void)state;
	begin(&b, &f, "0\n");
	f.fail_errno = EACCES;
	tree_write(&b.tree, "/proc/sys/kernel/perf_event_paranoid", "4\n");
	add_event(&b, "energy-pkg", "event=0x02");
	bench_probe(&b, "rapl_perf");
	c = bench_channel(&b, "rapl_perf/package-0");
	assert_int_equal(c->state, JM_STATE_UNAVAILABLE);
	assert_non_null(strstr(c->reason, "perf_event_paranoid is 4"));
	assert_non_null(strstr(c->remedy, "sudo setcap cap_perfmon+ep"));
	assert_int_equal(b.set.sensors[0].driver->open(&b.set.sensors[0], &b.why), JM_E_PERMISSION);
	end(&b, &f);
}

static void counters_that_stand_still_in_a_guest_are_refused(void **state)
{
	struct bench b;
	struct fake f;

	(void)state;
	begin(&b, &f, "0\n");
	tree_write(&b.tree, "/proc/cpuinfo", "vendor_id\t: GenuineIntel\nflags\t\t: msr hypervisor\n");
	add_event(&b, "energy-psys", "event=0x05");
	bench_probe(&b, "rapl_perf");
	assert_int_equal(bench_channel(&b, "rapl_perf/psys")->state, JM_STATE_UNAVAILABLE);
	jm_sensor_set_finish(&b.set);
	f.preset = 12345;
	bench_probe(&b, "rapl_perf");
	assert_int_equal(bench_channel(&b, "rapl_perf/psys")->state, JM_STATE_MEASURED);
	end(&b, &f);
}

static void odd_descriptions_are_unavailable(void **state)
{
	struct bench b;
	struct fake f;

	(void)state;
	begin(&b, &f, "0\n");
	add_event(&b, "energy-pkg", "event=banana");
	add_event(&b, "energy-ram", "event=0x03");
	tree_write(&b.tree, PMU "/events/energy-ram.unit", "Calories\n");
	add_event(&b, "energy-gpu", "event=0x04");
	tree_write(&b.tree, PMU "/events/energy-gpu.scale", "nan\n");
	bench_probe(&b, "rapl_perf");
	assert_int_equal(bench_channel(&b, "rapl_perf/package-0")->state, JM_STATE_UNAVAILABLE);
	assert_int_equal(bench_channel(&b, "rapl_perf/package-0/dram")->state, JM_STATE_UNAVAILABLE);
	assert_int_equal(bench_channel(&b, "rapl_perf/package-0/uncore")->state, JM_STATE_UNAVAILABLE);
	assert_int_equal(f.n, 0);
	end(&b, &f);
}

static void a_root_is_refused_without_an_injected_call(void **state)
{
	struct bench b;
	struct jm_env system;
	struct fake f;

	(void)state;
	begin(&b, &f, "0\n");
	add_event(&b, "energy-pkg", "event=0x02");
	jm_env_init(&system);
	b.env.perf_event_open = system.perf_event_open;
	bench_probe(&b, "rapl_perf");
	assert_int_equal(b.set.n_channels, 0);
	assert_non_null(strstr(b.why.message, "JOULEMAP_ROOT"));
	end(&b, &f);
}

static void masks_that_are_no_list_find_nothing(void **state)
{
	static const char *const bad[] = {"", "x\n", "3-1\n", "0,,1\n", "0-\n", "99999999999999999999\n", "0-70000\n"};
	struct bench b;
	struct fake f;
	size_t i;

	(void)state;
	begin(&b, &f, "0\n");
	add_event(&b, "energy-pkg", "event=0x02");
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		tree_write(&b.tree, PMU "/cpumask", bad[i]);
		bench_probe(&b, "rapl_perf");
		assert_int_equal(b.set.n_channels, 0);
		assert_string_equal(b.why.remedy, "sudo modprobe rapl");
	}
	end(&b, &f);
}

static void a_group_of_another_size_gives_no_reading(void **state)
{
	uint64_t values[2] = {2, 12345};
	struct jm_sample sample;
	struct bench b;
	struct fake f;

	(void)state;
	begin(&b, &f, "0\n");
	add_event(&b, "energy-pkg", "event=0x02");
	bench_probe(&b, "rapl_perf");
	forget_trials(&f);
	open_all(&b);
	/* Says two values, has one. */
	assert_int_equal(write(f.opens[0].write_fd, values, sizeof(values)), sizeof(values));
	assert_int_equal(bench_read(&b, "rapl_perf/package-0", &sample), JM_E_IO);
	/* Nothing to read, then the end: the kernel's answer for an event in error. */
	assert_int_equal(bench_read(&b, "rapl_perf/package-0", &sample), JM_E_AGAIN);
	close(f.opens[0].write_fd);
	assert_int_equal(bench_read(&b, "rapl_perf/package-0", &sample), JM_E_IO);
	f.n = 0;
	end(&b, &f);
}

/* The system's own call, with a software clock (ns) in place of each energy event. */
static long open_clock(void *ctx, void *attr_, pid_t pid, int cpu, int group_fd, unsigned long flags)
{
	struct perf_event_attr *attr = attr_;

	(void)ctx;
	attr->type = PERF_TYPE_SOFTWARE;
	attr->config = PERF_COUNT_SW_CPU_CLOCK;
	return syscall(SYS_perf_event_open, attr, pid, cpu, group_fd, flags);
}

static void groups_of_a_real_kernel_are_read_in_order(void **state)
{
	int64_t first_uj, second_uj;
	struct bench b;
	struct fake f;

	(void)state;
	begin(&b, &f, "0\n");
	b.env.perf_event_open = open_clock;
	add_event(&b, "energy-pkg", "event=0x02");
	add_event(&b, "energy-cores", "event=0x01");
	/* The first counts in steps of 1 nJ a ns, the second of 1 uJ a ns: a swap would show. */
	tree_write(&b.tree, PMU "/events/energy-pkg.scale", "1e-9\n");
	tree_write(&b.tree, PMU "/events/energy-cores.scale", "1e-6\n");
	bench_probe(&b, "rapl_perf");
	if (bench_channel(&b, "rapl_perf/package-0")->state != JM_STATE_MEASURED) {
		print_message("skipped: %s\n", bench_channel(&b, "rapl_perf/package-0")->reason);
		end(&b, &f);
		skip();
	}
	open_all(&b);
	first_uj = bench_value(&b, "rapl_perf/package-0");
	second_uj = bench_value(&b, "rapl_perf/package-0/core");
	assert_true(second_uj > 0);
	assert_true(second_uj > 100 * first_uj);
	assert_true(bench_value(&b, "rapl_perf/package-0/core") > second_uj);
	end(&b, &f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(one_group_read_gives_all_events_of_a_package),
	    cmocka_unit_test(long_runs_keep_the_last_microjoule),
	    cmocka_unit_test(two_packages_have_a_group_each),
	    cmocka_unit_test(events_are_read_alone_where_groups_are_refused),
	    cmocka_unit_test(many_packages_are_a_sensor_each),
	    cmocka_unit_test(lack_of_permission_comes_with_the_command),
	    cmocka_unit_test(counters_that_stand_still_in_a_guest_are_refused),
	    cmocka_unit_test(odd_descriptions_are_unavailable),
	    cmocka_unit_test(a_root_is_refused_without_an_injected_call),
	    cmocka_unit_test(masks_that_are_no_list_find_nothing),
	    cmocka_unit_test(a_group_of_another_size_gives_no_reading),
	    cmocka_unit_test(groups_of_a_real_kernel_are_read_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
