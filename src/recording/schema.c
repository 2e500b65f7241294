#include "recording/schema.h"

#include "core/span.h"

#include <errno.h>
#include <string.h>

const char *const jm_schema_tables[] = {
	"meta", "sensor", "channel", "ledger", "event", "name", "span_kind", "span", "sample_one", "sample_group", NULL,
};

const char *const jm_schema_later_tables[] = {
	"process", "process_step", "process_sample", "process_memory", "process_gpu", NULL,
};

/* clang-format off */
#define TIME_ORIGIN "(SELECT value FROM meta WHERE key = '" JM_META_TIME_ORIGIN "')"
#define DEVICE_ORIGIN "(SELECT value FROM meta WHERE key = '" JM_META_DEVICE_ORIGIN "')"

/* One arm of the view sample: column K of every group row is channel first_channel + K. */
#define GROUP_ARM(K)                                                                                                   \
	" UNION ALL SELECT s.first_channel + " #K ", g.t + " TIME_ORIGIN ", g.half_width_ns, g.v" #K ","               \
	" g.device + " DEVICE_ORIGIN ", g.v" #K " IS NULL"                                                             \
	" FROM sensor AS s JOIN sample_group AS g ON g.sensor = s.id WHERE s.n_channels > " #K

#define KIND_ROW(name, text) "INSERT INTO span_kind(text) VALUES('" text "');"

const char jm_schema_sql[] =
	"CREATE TABLE meta(key TEXT PRIMARY KEY NOT NULL, value);"
	"CREATE TABLE sensor(id INTEGER PRIMARY KEY, name TEXT NOT NULL, driver TEXT NOT NULL,"
	" first_channel INTEGER NOT NULL, n_channels INTEGER NOT NULL);"
	"CREATE TABLE channel(id INTEGER PRIMARY KEY, name TEXT NOT NULL, label TEXT NOT NULL, quantity TEXT NOT NULL,"
	" unit TEXT NOT NULL, kind TEXT NOT NULL, state TEXT NOT NULL, domain TEXT NOT NULL, part_of INTEGER,"
	" same_as INTEGER, device INTEGER NOT NULL, step INTEGER, wrap INTEGER, update_period_ns INTEGER,"
	" window_ns INTEGER, lowpass_ns INTEGER, lag_ns INTEGER, accuracy_fraction REAL, accuracy_offset_w REAL,"
	" bound_low_uw INTEGER, bound_high_uw INTEGER, reason TEXT NOT NULL, remedy TEXT NOT NULL,"
	" si_unit TEXT NOT NULL, si_factor REAL NOT NULL);"
	"CREATE TABLE ledger(channel INTEGER PRIMARY KEY, expected INTEGER NOT NULL, taken INTEGER NOT NULL,"
	" late INTEGER NOT NULL, missed INTEGER NOT NULL, repeated INTEGER NOT NULL, longest_gap_ns INTEGER NOT NULL,"
	" first_ns INTEGER NOT NULL, last_ns INTEGER NOT NULL, cpu_ns INTEGER NOT NULL, period_ns INTEGER NOT NULL);"
	"CREATE TABLE event(id INTEGER PRIMARY KEY, t_ns INTEGER NOT NULL, duration_ns INTEGER NOT NULL,"
	" channel INTEGER, kind TEXT NOT NULL, text TEXT NOT NULL);"
	"CREATE TABLE name(id INTEGER PRIMARY KEY, text TEXT NOT NULL, type TEXT NOT NULL);"
	"CREATE TABLE shape(name INTEGER PRIMARY KEY, text TEXT NOT NULL);"
	"CREATE TABLE span_kind(id INTEGER PRIMARY KEY, text TEXT NOT NULL);"
	"INSERT INTO span_kind VALUES(-1, '');"
	JM_SPAN_KIND_LIST(KIND_ROW)
	"DELETE FROM span_kind WHERE id < 0;"
	"CREATE TABLE span(start INTEGER NOT NULL, duration_ns INTEGER NOT NULL, kind INTEGER NOT NULL,"
	" name INTEGER NOT NULL, track INTEGER NOT NULL, iteration INTEGER, flags INTEGER NOT NULL);"
	"CREATE TABLE sample_one(channel INTEGER NOT NULL, t INTEGER NOT NULL, half_width_ns INTEGER NOT NULL,"
	" value INTEGER, device INTEGER);"
	"CREATE TABLE sample_group(sensor INTEGER NOT NULL, t INTEGER NOT NULL, half_width_ns INTEGER NOT NULL,"
	" device INTEGER, v0 INTEGER, v1 INTEGER, v2 INTEGER, v3 INTEGER, v4 INTEGER, v5 INTEGER, v6 INTEGER,"
	" v7 INTEGER);"
	"CREATE TABLE process(id INTEGER PRIMARY KEY, pid INTEGER NOT NULL, parent_pid INTEGER NOT NULL,"
	" ns_pid INTEGER NOT NULL, start_ticks INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER,"
	" is_root INTEGER NOT NULL, name TEXT NOT NULL, command TEXT NOT NULL, cgroup TEXT NOT NULL,"
	" runtime TEXT NOT NULL, container TEXT NOT NULL, pod TEXT NOT NULL);"
	"CREATE TABLE process_step(id INTEGER PRIMARY KEY, t INTEGER NOT NULL, half_width_ns INTEGER NOT NULL,"
	" idle_ns INTEGER, n_cpus INTEGER, n_watched INTEGER NOT NULL, used_bytes INTEGER);"
	"CREATE TABLE process_sample(step INTEGER NOT NULL, process INTEGER NOT NULL, cpu_ns INTEGER NOT NULL,"
	" reaped_ns INTEGER NOT NULL, rss_bytes INTEGER);"
	"CREATE TABLE process_memory(process INTEGER NOT NULL, t INTEGER NOT NULL, pss_bytes INTEGER NOT NULL,"
	" uss_bytes INTEGER NOT NULL);"
	"CREATE TABLE process_gpu(t INTEGER NOT NULL, gpu INTEGER NOT NULL, process INTEGER, n INTEGER NOT NULL,"
	" sm_ppm INTEGER NOT NULL, memory_ppm INTEGER, used_bytes INTEGER);"
	"CREATE TABLE process_busy(step INTEGER PRIMARY KEY, busy_ns INTEGER NOT NULL);"
	"CREATE TABLE process_count(step INTEGER NOT NULL, process INTEGER, cycles INTEGER, instructions INTEGER,"
	" llc_misses INTEGER);"
	"CREATE VIEW process_cpu(t_s, process, pid, name, cpu_s, reaped_s, rss_bytes) AS"
	" SELECT s.t * 1e-9, p.id, p.pid, p.name, c.cpu_ns * 1e-9, c.reaped_ns * 1e-9, c.rss_bytes"
	" FROM process_sample AS c JOIN process_step AS s ON s.id = c.step JOIN process AS p ON p.id = c.process;"
	"CREATE VIEW sample(channel, t_ns, half_width_ns, value, device_us, status) AS"
	" SELECT channel, t + " TIME_ORIGIN ", half_width_ns, value, device + " DEVICE_ORIGIN ", value IS NULL"
	" FROM sample_one"
	GROUP_ARM(0) GROUP_ARM(1) GROUP_ARM(2) GROUP_ARM(3) GROUP_ARM(4) GROUP_ARM(5) GROUP_ARM(6) GROUP_ARM(7) ";"
	"CREATE VIEW reading(channel, name, t_s, value, unit, state) AS"
	" SELECT c.id, c.name, (s.t_ns - " TIME_ORIGIN ") * 1e-9, s.value * c.si_factor, c.si_unit, c.state"
	" FROM channel AS c JOIN sample AS s ON s.channel = c.id;"
	"CREATE VIEW named_span(start_ns, end_ns, duration_ns, kind, name, type, track, iteration, flags) AS"
	" SELECT p.start + " TIME_ORIGIN ", p.start + p.duration_ns + " TIME_ORIGIN ", p.duration_ns,"
	" k.text, n.text, n.type,"
	" p.track, p.iteration, p.flags"
	" FROM span AS p LEFT JOIN name AS n ON n.id = p.name LEFT JOIN span_kind AS k ON k.id = p.kind;";
/* clang-format on */

/* SQLite keeps errno for statements, not for a commit that fails; then the C library's own still says why. */
static int last_errno(sqlite3 *db, int rc, int errno_now)
{
	int errno_value = db ? sqlite3_system_errno(db) : 0;
	bool is_system = (rc & 0xff) == SQLITE_CANTOPEN || (rc & 0xff) == SQLITE_IOERR;
	bool is_room = errno_now == EFBIG || errno_now == EDQUOT || errno_now == ENOSPC;

	if (!is_system)
		return 0;
	return errno_value == 0 && is_room ? errno_now : errno_value;
}

static int code_from_io(int errno_value)
{
	/* EFBIG: the limit on the size of a file, of the process or of the file system. */
	if (errno_value == EFBIG)
		return JM_E_FULL;
	return errno_value ? jm_error_from_errno(errno_value) : JM_E_IO;
}

static int code_from_sqlite(int rc, int errno_value)
{
	switch (rc & 0xff) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE:
		return 0;
	case SQLITE_FULL:
		return JM_E_FULL;
	case SQLITE_NOMEM:
		return JM_E_NOMEM;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return JM_E_AGAIN;
	case SQLITE_PERM:
	case SQLITE_READONLY:
	case SQLITE_AUTH:
		return JM_E_PERMISSION;
	case SQLITE_TOOBIG:
	case SQLITE_MISUSE:
	case SQLITE_RANGE:
	case SQLITE_CONSTRAINT:
		return JM_E_INVALID;
	case SQLITE_CANTOPEN:
	case SQLITE_IOERR:
		/* Short read: the file ends before it should. */
		return rc == SQLITE_IOERR_SHORT_READ ? JM_E_FORMAT : code_from_io(errno_value);
	default:
		return JM_E_FORMAT;
	}
}

int jm_schema_error(sqlite3 *db, int rc, struct jm_error *err, const char *what)
{
	int errno_value = last_errno(db, rc, errno);
	int code = code_from_sqlite(rc, errno_value);

	if (code == 0)
		return 0;
	jm_error_set(err, code, "%s: %s", what, errno_value ? strerror(errno_value) : sqlite3_errstr(rc));
	if (code == JM_E_FULL)
		jm_error_remedy(err, "free space on that file system, or record to another one");
	else if (code == JM_E_AGAIN)
		jm_error_remedy(err, "another program holds the recording locked: close it there");
	return code;
}

int jm_schema_exec(sqlite3 *db, const char *sql, struct jm_error *err, const char *what)
{
	int rc = sqlite3_exec(db, sql, NULL, NULL, NULL);

	return rc == SQLITE_OK ? 0 : jm_schema_error(db, rc, err, what);
}
