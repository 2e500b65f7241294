/* SQLite's default VFS with a fault at the n-th call. One process, one thread: plain globals do. */
#ifndef TESTS_SUPPORT_FAULTY_VFS_H
#define TESTS_SUPPORT_FAULTY_VFS_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>

static struct {
	sqlite3_vfs shim;
	const sqlite3_vfs *real;
	/* A file that locks and one that does not (a journal) have methods of their own. */
	struct {
		sqlite3_io_methods ours;
		const sqlite3_io_methods *theirs;
	} methods[4];
	long countdown; /* calls until the fault; 0: none any more */
	bool is_lasting, is_reading;
} faulty;

static inline const sqlite3_io_methods *faulty_theirs(sqlite3_file *f)
{
	size_t i = 0;

	while (&faulty.methods[i].ours != f->pMethods)
		i++;
	return faulty.methods[i].theirs;
}

static inline bool faulty_fails(bool reads)
{
	if (faulty.countdown == 0 || reads != faulty.is_reading)
		return false;
	if (faulty.countdown > 1) {
		faulty.countdown--;
		return false;
	}
	if (!faulty.is_lasting)
		faulty.countdown = 0;
	return true;
}

static inline int faulty_read(sqlite3_file *f, void *data, int n, sqlite3_int64 at)
{
	return faulty_fails(true) ? SQLITE_IOERR_READ : faulty_theirs(f)->xRead(f, data, n, at);
}

static inline int faulty_write(sqlite3_file *f, const void *data, int n, sqlite3_int64 at)
{
	if (!faulty_fails(false))
		return faulty_theirs(f)->xWrite(f, data, n, at);
	/* Half of it gets there, as on a disk that is full. */
	faulty_theirs(f)->xWrite(f, data, n / 2, at);
	return faulty.is_lasting ? SQLITE_FULL : SQLITE_IOERR_WRITE;
}

static inline int faulty_sync(sqlite3_file *f, int flags)
{
	return faulty_fails(false) ? SQLITE_IOERR_FSYNC : faulty_theirs(f)->xSync(f, flags);
}

static inline int faulty_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags, int *flags_out)
{
	int rc = faulty.real->xOpen(vfs, name, f, flags, flags_out);
	size_t i = 0;

	if (rc != SQLITE_OK || !f->pMethods)
		return rc;
	while (faulty.methods[i].theirs && faulty.methods[i].theirs != f->pMethods)
		i++;
	faulty.methods[i].theirs = f->pMethods;
	faulty.methods[i].ours = *f->pMethods;
	faulty.methods[i].ours.xRead = faulty_read;
	faulty.methods[i].ours.xWrite = faulty_write;
	faulty.methods[i].ours.xSync = faulty_sync;
	f->pMethods = &faulty.methods[i].ours;
	return rc;
}

/* Makes it the default. */
static inline int faulty_register(void)
{
	faulty.real = sqlite3_vfs_find(NULL);
	faulty.shim = *faulty.real;
	faulty.shim.zName = "faults";
	faulty.shim.xOpen = faulty_open;
	return sqlite3_vfs_register(&faulty.shim, 1);
}

#endif
