/* An ONNX model's facts: inputs, outputs, weights, nodes, precision. Reading is bounded: a damaged or hostile file
 * gives JM_E_FORMAT, never a crash. Shapes inside the graph and operation counts are not here. */
#ifndef MODEL_MODEL_H
#define MODEL_MODEL_H

#include "model/dtype.h"

struct jm_model_dim {
	int64_t size; /* >= 0; -1: left open by the model */
	char *name;   /* of an open dimension ("batch"); empty: it has none */
};

/* An input or output of the graph. */
struct jm_model_value {
	char *name;
	int dtype;      /* enum jm_dtype, JM_DTYPE_UNKNOWN when it is no tensor */
	bool is_tensor; /* false: a sequence, map or optional */
	bool has_shape; /* false: the rank is unknown; n_dims is 0 then */
	struct jm_model_dim *dims;
	size_t n_dims;
};

/* A weight or constant: an initialiser, or the tensor of a Constant node. */
struct jm_model_tensor {
	char *name;
	int dtype;
	int64_t *dims;
	size_t n_dims;
	uint64_t n_elements, size_bytes; /* size_bytes 0: no fixed size (strings) */
	bool is_external;                /* data lies in another file */
};

struct jm_model_node {
	char *name; /* as in the file, or, where it has none, "<op_type>_<index of the node>" */
	bool has_name;
	char *op_type, *domain; /* domain: empty is ONNX's own */
};

struct jm_model {
	char *producer;        /* e.g. "pytorch"; may be empty */
	char *graph_name;      /* may be empty */
	int64_t ir_version, opset; /* opset of ONNX's own domain; 0: not said */
	struct jm_model_value *inputs, *outputs; /* inputs: without those that are initialisers */
	size_t n_inputs, n_outputs;
	struct jm_model_tensor *tensors; /* of the main graph and of its sub-graphs (If, Loop, Scan) and functions */
	size_t n_tensors;
	struct jm_model_node *nodes; /* of the main graph, in the file's (topological) order */
	size_t n_nodes;
	size_t n_inner_nodes;   /* in sub-graphs and functions */
	/* elements of all tensors but int64, bool and string ones: those are shapes and indices */
	uint64_t n_parameters;
	uint64_t weight_bytes;  /* size of those parameters */
	uint64_t file_bytes;    /* of the ONNX file, without external data */
	size_t n_external;      /* tensors whose data lies in other files */
	int precision;          /* enum jm_dtype: the type most parameters have; JM_DTYPE_UNKNOWN: no parameters */
};

/* Reads the model file whole. External data is counted by its declared shape, not opened. Errors: JM_E_NOT_FOUND,
 * JM_E_PERMISSION, JM_E_IO; JM_E_FORMAT when it is no ONNX file, is damaged, above 2 GiB or nested too deep;
 * JM_E_UNSUPPORTED for ONNX Runtime's own format, or when joulemap was built without the ONNX schema; JM_E_NOMEM.
 * *out: yours, free with jm_model_destroy. */
int jm_model_load(const char *path, struct jm_model **out, struct jm_error *err);

/* The same from n bytes in memory; name: for messages. */
int jm_model_read(const char *name, const void *bytes, size_t n, struct jm_model **out, struct jm_error *err);

/* Reads a file of at most max bytes whole. *out: yours, free(). Errors: as jm_model_load. */
int jm_model_file(const char *path, uint64_t max, unsigned char **out, size_t *n_out, struct jm_error *err);

/* NULL is allowed. */
void jm_model_destroy(struct jm_model *m);

#endif
