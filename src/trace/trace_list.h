/* The importers: X(name) for a `const struct jm_importer jm_importer_<name>`. */
#define JM_TRACE_LIST(X)                                                                                               \
	X(onnxruntime)                                                                                                 \
	X(chrome)                                                                                                      \
	X(csv_spans)
