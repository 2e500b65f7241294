/* ONNX Runtime behind plain C: its library is found and loaded at run time, its header stays inside ort_*.c. */
#ifndef RUNNER_ORT_H
#define RUNNER_ORT_H

#include "model/dtype.h"

struct jm_ort;
struct jm_ort_session;

/* Where to look for the library, in this order: library; JOULEMAP_ONNXRUNTIME; folders; the system's; the folders of
 * Python packages. */
struct jm_ort_search {
	const char *library;        /* file; NULL: search. Where given, nothing else is tried */
	const char *const *folders; /* each may hold libonnxruntime.so.1 */
	size_t n_folders;
};

/* Loads the library and starts its environment. Errors: JM_E_NOT_FOUND, with the places tried; JM_E_UNSUPPORTED when the
 * file is no ONNX Runtime, is older than 1.12, or joulemap was built without its header. *out: yours. */
int jm_ort_open(const struct jm_ort_search *search, struct jm_ort **out, struct jm_error *err);
/* The library itself stays loaded: it has threads and thread-local data that outlive its environment. */
void jm_ort_close(struct jm_ort *ort);

const char *jm_ort_version(const struct jm_ort *ort);  /* "1.21.0" */
const char *jm_ort_library(const struct jm_ort *ort);  /* what was loaded: a path, or a name the system resolved */
unsigned jm_ort_api(const struct jm_ort *ort);         /* version of the interface in use */
/* Lists the execution providers the library has, comma between them. */
int jm_ort_providers(const struct jm_ort *ort, char *out, size_t size);

/* How far ONNX Runtime rewrites a model before it runs it. X(enumerator, text) */
#define JM_ORT_LEVEL_LIST(X)                                                                                           \
	X(ALL, "all")           /* its default; may fit the file to this processor */                                  \
	X(EXTENDED, "extended")                                                                                        \
	X(BASIC, "basic")                                                                                              \
	X(NONE, "none")
#define JM_ENUM(name, text) JM_ORT_LEVEL_##name,
enum jm_ort_level { JM_ORT_LEVEL_LIST(JM_ENUM) };
#undef JM_ENUM

struct jm_ort_options {
	const char *model_path;    /* either this, which also finds external data ... */
	const void *model_bytes;   /* ... or this: model_size bytes, needed until the session is created */
	size_t model_size;
	const char *provider;      /* "cpu", "cuda", "tensorrt", ...; NULL: cpu */
	unsigned threads;          /* inside an operator; 0: ONNX Runtime's choice (one a physical core) */
	const char *profile_prefix; /* path the profile's name begins with; NULL: no profile */
	enum jm_ort_level level;
	const char *rewritten_path; /* where the rewritten model is written; NULL: nowhere */
};

/* Loads the model. A provider that is missing or fails is an error, CPU is never put in its place (though ONNX Runtime
 * itself leaves operators that a provider lacks to the CPU). Errors: JM_E_UNSUPPORTED for provider and operators that are
 * not there, JM_E_FORMAT for a damaged model, JM_E_NOT_FOUND, JM_E_INVALID, with ONNX Runtime's own words. */
int jm_ort_session_create(struct jm_ort *ort, const struct jm_ort_options *options, struct jm_ort_session **out,
			  struct jm_error *err);
void jm_ort_session_destroy(struct jm_ort_session *s);

/* An input of the model, as the session sees it. */
struct jm_ort_input {
	char *name;
	int dtype;        /* enum jm_dtype */
	bool is_tensor;
	size_t n_dims;
	int64_t *dims;    /* -1: open */
	char **dim_names; /* of open dimensions; empty: it has none */
};
const struct jm_ort_input *jm_ort_session_inputs(const struct jm_ort_session *s, size_t *n_out);

/* Gives the name of output i, or NULL behind the last. Borrowed. */
const char *jm_ort_session_output(const struct jm_ort_session *s, size_t i);

/* Binds data to input i: dims as many as the input has, data borrowed until the session is destroyed or bound anew. */
int jm_ort_session_bind(struct jm_ort_session *s, size_t i, const int64_t *dims, void *data, size_t size_bytes,
			struct jm_error *err);

/* One inference, outputs thrown away. All inputs must be bound. Errors: JM_E_INVALID for inputs the model refuses, else as
 * ONNX Runtime says. */
int jm_ort_session_run(struct jm_ort_session *s, struct jm_error *err);

/* A tensor that the model made, copied. */
struct jm_ort_tensor {
	bool is_tensor; /* false: a sequence, map or optional; nothing else is set then */
	int dtype;      /* enum jm_dtype */
	size_t n_dims;
	int64_t *dims;
	void *data; /* size_bytes bytes; at least 64 allocated, aligned to 64 */
	size_t size_bytes;
};

/* Runs once and gives copies of the named outputs. out: n entries; finish each with jm_ort_tensor_finish, also after an error.
 * Texts are no tensors here. Errors: as jm_ort_session_run, JM_E_NOMEM. */
int jm_ort_session_fetch(struct jm_ort_session *s, const char *const *names, size_t n, struct jm_ort_tensor *out,
			 struct jm_error *err);
void jm_ort_tensor_finish(struct jm_ort_tensor *t);

/* Ends profiling, which writes the file. path: its name. */
int jm_ort_session_end_profile(struct jm_ort_session *s, char *path, size_t size, struct jm_error *err);

#endif
