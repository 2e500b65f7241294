/* The importers: X(name) for a `const struct jm_importer jm_importer_<name>`. */
#define JM_TRACE_LIST(X)                                                                                               \
	X(onnxruntime)                                                                                                 \
	X(chrome)                                                                                                      \
	X(csv_spans)                                                                                                   \
	X(tensorrt_latency)                                                                                            \
	X(tensorrt_engine)                                                                                             \
	X(run_latencies)                                                                                               \
	X(trtexec)                                                                                                     \
	X(power_lines)                                                                                                 \
	X(idle_power)                                                                                                  \
	X(nvidia_smi)                                                                                                  \
	X(perf_stat)                                                                                                   \
	X(gpu_sources)                                                                                                 \
	X(process_power)                                                                                               \
	X(aipowermeter)                                                                                                \
	X(cuda)
