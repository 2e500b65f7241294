/* Processes in a recording, and recordings that have none. */
#include "recording_fixture.h"

static struct jm_process process(uint32_t id)
{
	return (struct jm_process){.id = id,
				   .pid = 4711 + id,
				   .parent_pid = 1,
				   .ns_pid = 7,
				   .start_ticks = 100,
				   .first_ns = T0,
				   .is_root = id == 0,
				   .name = "a b)",
				   .command = "a --flag",
				   .cgroup = "/docker/1",
				   .runtime = "docker",
				   .container = "1",
				   .pod = ""};
}

static struct jm_process_step step(int64_t k)
{
	return (struct jm_process_step){.t_ns = T0 + k * 100000000,
					.half_width_ns = 5,
					.is_idle_known = k != 1,
					.idle_ns = k * 1000,
					.n_cpus = k == 1 ? 0 : 4,
					.n_watched = 2,
					.used_bytes = k == 1 ? -1 : 4096};
}

static void write_all(struct jm_writer *w)
{
	struct jm_process p0 = process(0), p1 = process(1);
	struct jm_process_sample samples[] = {{0, 10, 20, 30}, {1, 11, 0, 31}};
	struct jm_process_memory memory = {1, T0 + 5, 300, 200};
	struct jm_process_gpu gpu[] = {{1, 1, 2, T0 + 7, 500000, 100000, 77},
				       {JM_PROCESS_OTHERS, 3, 2, T0 + 7, 1, 2, -1}};
	struct jm_process_count counts[] = {{1, {5, -1, 7}}, {JM_PROCESS_MACHINE, {9, 8, -1}}};
	struct jm_process_step s;
	int64_t k;

	assert_int_equal(jm_writer_process_counts(w, counts, 2), JM_E_INVALID); /* of no step */
	assert_int_equal(jm_writer_process(w, &p0), 0);
	assert_int_equal(jm_writer_process(w, &p1), 0);
	for (k = 0; k < 3; k++) {
		s = step(k);
		assert_int_equal(jm_writer_process_step(w, &s, samples, k == 1 ? 0 : 2), 0);
		assert_int_equal(jm_writer_process_counts(w, counts, k == 2 ? 2 : 0), 0);
	}
	assert_int_equal(jm_writer_process_memory(w, &memory), 0);
	assert_int_equal(jm_writer_process_gpu(w, &gpu[0]), 0);
	assert_int_equal(jm_writer_process_gpu(w, &gpu[1]), 0);
	p1.command = "b";
	assert_int_equal(jm_writer_process(w, &p1), 0);
	assert_int_equal(jm_writer_process_gone(w, 1, T0 + 200000000), 0);
}

static void what_is_written_is_read(void **state)
{
	struct scratch *s = *state;
	struct jm_writer *w;
	struct jm_recording *r;
	struct jm_process_log log;

	assert_int_equal(jm_writer_create(s->path, false, &w, NULL), 0);
	write_all(w);
	assert_int_equal(jm_writer_close(w, NULL), 0);
	assert_int_equal(jm_recording_open(s->path, &r, NULL), 0);
	assert_int_equal(jm_recording_process_log(r, &log, NULL), 0);
	assert_int_equal(log.n_processes, 2);
	assert_int_equal(log.processes[0].pid, 4711);
	assert_string_equal(log.processes[0].name, "a b)");
	assert_string_equal(log.processes[1].command, "b");
	assert_true(log.processes[0].is_root);
	assert_true(log.last_ns[0] == INT64_MAX);
	assert_true(log.last_ns[1] == T0 + 200000000);
	assert_int_equal(log.n_steps, 3);
	assert_true(log.steps[2].t_ns == T0 + 200000000);
	assert_false(log.steps[1].is_idle_known);
	assert_int_equal(log.steps[1].n_cpus, 0);
	assert_int_equal(log.steps[1].used_bytes, -1);
	assert_int_equal(log.steps[2].used_bytes, 4096);
	assert_int_equal(log.n_samples, 4);
	assert_int_equal(log.sample_steps[2], 2);
	assert_int_equal(log.samples[2].reaped_ns, 20);
	assert_int_equal(log.n_memory, 1);
	assert_int_equal(log.memory[0].uss_bytes, 200);
	assert_int_equal(log.n_gpu, 2);
	assert_int_equal(log.gpu[0].process, 1);
	assert_int_equal(log.gpu[0].used_bytes, 77);
	assert_true(log.gpu[1].process == JM_PROCESS_OTHERS);
	assert_int_equal(log.gpu[1].used_bytes, -1);
	assert_int_equal(log.n_counts, 2);
	assert_int_equal(log.count_steps[1], 2);
	assert_int_equal(log.counts[0].process, 1);
	assert_int_equal(log.counts[0].counts[JM_COUNT_CYCLES], 5);
	assert_int_equal(log.counts[0].counts[JM_COUNT_INSTRUCTIONS], -1);
	assert_true(log.counts[1].process == JM_PROCESS_MACHINE);
	assert_int_equal(log.counts[1].counts[JM_COUNT_INSTRUCTIONS], 8);
	jm_process_log_finish(&log);
	jm_recording_close(r);
}

/* Closes a recording with processes and changes it by SQL. Gives what opening and loading then give. */
static int after(struct scratch *s, const char *sql)
{
	struct jm_process_log log = {0};
	struct jm_recording *r;
	struct jm_writer *w;
	sqlite3 *db;
	int rc;

	assert_int_equal(jm_writer_create(s->path, true, &w, NULL), 0);
	write_all(w);
	assert_int_equal(jm_writer_close(w, NULL), 0);
	assert_int_equal(sqlite3_open(s->path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	rc = jm_recording_open(s->path, &r, NULL);
	if (rc)
		return rc;
	rc = jm_recording_process_log(r, &log, NULL);
	if (rc == 0 && log.n_steps == 0)
		rc = 1;
	if (rc >= 0)
		jm_process_log_finish(&log);
	jm_recording_close(r);
	return rc;
}

#define DROP_ALL                                                                                                       \
	"DROP VIEW process_cpu; DROP TABLE process; DROP TABLE process_step; DROP TABLE process_sample;"               \
	"DROP TABLE process_memory; DROP TABLE process_gpu;"

static void older_recordings_have_none(void **state)
{
	assert_int_equal(after(*state, DROP_ALL), 1);
}

static void counts_may_be_missing(void **state)
{
	assert_int_equal(after(*state, "DROP TABLE process_count"), 0);
}

static void half_of_the_tables_is_damage(void **state)
{
	assert_int_equal(after(*state, "DROP VIEW process_cpu; DROP TABLE process_gpu"), JM_E_FORMAT);
	assert_int_equal(after(*state, "DROP VIEW process_cpu; DROP TABLE process"), JM_E_FORMAT);
	assert_int_equal(after(*state, DROP_ALL "CREATE VIEW process AS SELECT 1"), JM_E_FORMAT);
}

static void wrong_values_are_damage(void **state)
{
	static const char *const damage[] = {
	    "UPDATE process_count SET process = 2",
	    "UPDATE process_count SET step = 3",
	    "UPDATE process_count SET cycles = -1 WHERE process = 1",
	    "UPDATE process_sample SET process = 2",
	    "UPDATE process_sample SET process = -1",
	    "UPDATE process_sample SET step = 3",
	    "UPDATE process_sample SET cpu_ns = 'x'",
	    "UPDATE process_sample SET reaped_ns = -5",
	    "UPDATE process SET id = id + 10",
	    "UPDATE process_step SET id = id + 7",
	    "UPDATE process_step SET t = -id",
	    "UPDATE process_step SET n_cpus = -4",
	    "UPDATE process SET name = x'00'",
	    "UPDATE process_memory SET process = 9",
	    "UPDATE process_gpu SET process = 9",
	    "UPDATE process_gpu SET sm_ppm = -1",
	    "UPDATE process SET is_root = 2",
	    "UPDATE process_sample SET step = 2 - step",
	    "UPDATE process SET first = 9223372036854775807",
	    "DELETE FROM process",
	};
	size_t i;

	for (i = 0; i < sizeof(damage) / sizeof(damage[0]); i++)
		assert_int_equal(after(*state, damage[i]), JM_E_FORMAT);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_set_up, scratch_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(what_is_written_is_read),
	    TEST(older_recordings_have_none),
	    TEST(counts_may_be_missing),
	    TEST(half_of_the_tables_is_damage),
	    TEST(wrong_values_are_damage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
