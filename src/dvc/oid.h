/* Names of objects: MD5 of the bytes in hexadecimal digits; of a folder's listing with ".dir" behind it. */
#ifndef DVC_OID_H
#define DVC_OID_H

#include "joulemap/joulemap.h"

#include <sys/types.h>

#define JM_DVC_OID_DIGITS 32

struct jm_dvc_oid {
	char text[40]; /* 32 digits, for a folder ".dir" behind them; empty: none */
};

/* Reads n bytes of text, digits of either case. Errors: JM_E_FORMAT. */
int jm_dvc_oid_parse(const char *text, size_t n, struct jm_dvc_oid *out);
bool jm_dvc_oid_is_folder(const struct jm_dvc_oid *oid);
/* Says whether two have the same digits; ".dir" does not count. */
bool jm_dvc_oid_is_same_content(const struct jm_dvc_oid *a, const struct jm_dvc_oid *b);

/* MD5 of a stream; one may be used again and again. */
struct jm_dvc_md5;

/* *out: yours. Errors: JM_E_NOMEM. */
int jm_dvc_md5_create(struct jm_dvc_md5 **out);
void jm_dvc_md5_destroy(struct jm_dvc_md5 *md5);
/* Begins another stream; adds n bytes. */
void jm_dvc_md5_begin(struct jm_dvc_md5 *md5);
void jm_dvc_md5_add(struct jm_dvc_md5 *md5, const void *data, size_t n);
/* Adds a chunk as DVC 2 did: where the chunk looks like text, CR LF counts as LF. Chunks are 1 MiB from the file's start on.
 */
void jm_dvc_md5_add_dos2unix(struct jm_dvc_md5 *md5, const void *data, size_t n);
/* Ends the stream. is_folder: puts ".dir" behind the digits. Errors: JM_E_UNSUPPORTED: the sum could not be made: libcrypto has no
 * MD5 (FIPS mode), or there was no memory. */
int jm_dvc_md5_end(struct jm_dvc_md5 *md5, bool is_folder, struct jm_dvc_oid *out, struct jm_error *err);

/* What a thread that hashes needs: a state and a buffer. */
#define JM_DVC_CHUNK ((size_t)1 << 20)

struct jm_dvc_worker {
	struct jm_dvc_md5 *md5;
	unsigned char *buffer; /* JM_DVC_CHUNK bytes */
};

/* Errors: JM_E_NOMEM; finish it also then. */
int jm_dvc_worker_init(struct jm_dvc_worker *w);
void jm_dvc_worker_finish(struct jm_dvc_worker *w);

/* Hashes what fd holds from where it stands to its end. is_legacy: as DVC 2 did. size_out: bytes read. name: for messages.
 * Errors: JM_E_IO and the like. */
int jm_dvc_hash_fd(struct jm_dvc_worker *w, int fd, bool is_legacy, const char *name, struct jm_dvc_oid *out,
		   int64_t *size_out, struct jm_error *err);
/* Fills the worker's buffer as far as the file goes: at most JM_DVC_CHUNK bytes. Gives their number, or a JM_E_ code. */
ssize_t jm_dvc_read_chunk(struct jm_dvc_worker *w, int fd, const char *name, struct jm_error *err);

#endif
