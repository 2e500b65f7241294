/* A .dvc file: YAML that names what is versioned and its hash. Facts of the format: DVC's documentation, "dvc files", and
 * docs/data.md. */
#ifndef DVC_OUTS_H
#define DVC_OUTS_H

#include "dvc/oid.h"

#define JM_DVC_FILE_MAX ((size_t)16 << 20) /* bytes of a .dvc file */

/* Known keys of an output, in the order DVC writes them. */
enum jm_dvc_key {
	JM_DVC_KEY_MD5,
	JM_DVC_KEY_SIZE,
	JM_DVC_KEY_NFILES,
	JM_DVC_KEY_ISEXEC,
	JM_DVC_KEY_HASH,
	JM_DVC_KEY_PATH,
	JM_DVC_N_KEYS
};

struct jm_dvc_out {
	char *path;            /* as written, relative to the file's folder (and wdir) */
	struct jm_dvc_oid oid; /* empty: none yet */
	int64_t size, n_files; /* -1: not said */
	bool is_exec;
	bool is_legacy; /* no "hash: md5": hashed and stored as DVC 2 did */
	bool is_cached, can_push;
	char *remote;      /* its own, or NULL */
	char *unsupported; /* why it cannot be worked on here, or NULL */
	/* Where in the text: lines of the known keys (-1: not there), the last line of these, and where keys begin. is_odd: not laid
	 * out so that it could be changed there. */
	int lines[JM_DVC_N_KEYS], last_line, column;
	bool is_odd;
};

struct jm_dvc_outs {
	struct jm_dvc_out *outs;
	size_t n;
	char *wdir; /* or NULL */
	char *text; /* of the file */
	size_t n_text;
};

/* Reads n bytes, which are copied. name: for messages. Errors: JM_E_FORMAT with name and line. */
int jm_dvc_outs_read(const char *name, const char *data, size_t n, struct jm_dvc_outs *out, struct jm_error *err);
void jm_dvc_outs_finish(struct jm_dvc_outs *outs);

struct jm_buffer;
/* What an output is after it was added. */
struct jm_dvc_out_facts {
	const char *path;
	struct jm_dvc_oid oid;
	int64_t size, n_files; /* n_files -1: a file */
	bool is_exec;
};
/* Writes a new .dvc file with one output. */
void jm_dvc_outs_write(const struct jm_dvc_out_facts *facts, struct jm_buffer *out);
/* Writes the file again with new facts for output i; comments and further keys stay as they are.
 * Errors: JM_E_UNSUPPORTED: its layout (flow style, anchors) is not one that can be changed in place. */
int jm_dvc_outs_rewrite(const struct jm_dvc_outs *outs, size_t i, const struct jm_dvc_out_facts *facts,
			struct jm_buffer *out, struct jm_error *err);
/* Writes a YAML text of one value of a mapping, at the column where it begins, folded in lines of 80 as DVC's writer does.
 * indent: of the lines that follow. */
void jm_dvc_yaml_scalar(struct jm_buffer *out, const char *text, size_t column, size_t indent);

#endif
