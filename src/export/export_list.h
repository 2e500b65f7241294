/* The exporters: X(name) for a `const struct jm_exporter jm_exporter_<name>`. */
#define JM_EXPORT_LIST(X)                                                                                              \
	X(aipowermeter)                                                                                                \
	X(chrome)                                                                                                      \
	X(csv)                                                                                                         \
	X(folded)                                                                                                      \
	X(json)                                                                                                        \
	X(perfetto)                                                                                                    \
	X(prometheus)
