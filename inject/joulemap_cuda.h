/* libjoulemap_cuda.so: records what a CUDA program runs on its devices. docs/cuda.md describes it.
 *
 * It comes into a process in one of two ways:
 *  - by environment, nothing changed in the program: CUDA_INJECTION64_PATH and NVTX_INJECTION64_PATH name the library,
 *    JOULEMAP_CUDA_FOLDER the folder for the activity file; `joulemap record --cuda` sets all three;
 *  - by jm_cuda_start, from the program itself (the Python package), before anything of it initialises CUDA.
 *
 * Each process writes a file of its own, FOLDER/PID-NUMBER.jmca. jm_recorder_watch_cuda (joulemap/joulemap.h) turns what
 * appears in the folder into spans of a recording.
 *
 * No function of this header ever throws, prints, ends the process or returns a CUDA error into the program: what goes
 * wrong is said by jm_cuda_status and in the activity file, and the program goes on without spans. All functions may be
 * called from any thread, also when nothing was started: they do nothing then. */
#ifndef JOULEMAP_CUDA_H
#define JOULEMAP_CUDA_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define JM_CUDA_API __attribute__((visibility("default")))

/* X(name, number, text). */
#define JM_CUDA_STATUS_LIST(X)                                                                                         \
	X(RECORDING, 0, "recording")                                                                                   \
	X(NOT_STARTED, 1, "not started")                                                                               \
	X(NO_FOLDER, 2, "no folder to write the activity file into")                                                   \
	X(NO_CUPTI, 3, "no CUPTI library was found")                                                                   \
	X(OLD_CUPTI, 4, "the CUPTI library is older than version 11")                                                  \
	X(IN_USE, 5, "another profiler uses CUPTI in this process")                                                    \
	X(NO_PRIVILEGE, 6, "the driver lets only administrators profile")                                              \
	X(NOT_SUPPORTED, 7, "CUPTI does not support this device or driver")                                            \
	X(FAILED, 8, "CUPTI failed")                                                                                   \
	X(TAKEN_OVER, 9, "another profiler took CUPTI over while it was recording")                                    \
	X(IO, 10, "the activity file could not be written")                                                            \
	X(STOPPED, 11, "stopped")                                                                                      \
	X(LATE_RANGES, 12, "kernels before this moment were not told their range") /* in files only */

#define JM_CUDA_ENUM(name, number, text) JM_CUDA_##name = number,
enum jm_cuda_status { JM_CUDA_STATUS_LIST(JM_CUDA_ENUM) };
#undef JM_CUDA_ENUM

/* Starts recording into folder, which must exist. Call it before CUDA is initialised in the process: of contexts that
 * exist already, CUPTI records kernels only in part. Twice is allowed: the first folder counts. After jm_cuda_stop it
 * starts again, into a new file. Gives an enum jm_cuda_status: JM_CUDA_RECORDING, or why there will be no spans. */
JM_CUDA_API int jm_cuda_start(const char *folder);

/* Begins a range on the calling thread, inside its open ranges: kernels, copies and graphs that this thread launches
 * until the matching pop belong to it, whenever the device runs them. name: copied; bytes, no zero; at most 65,000.
 * About a microsecond, and from the first one on each CUDA call of the process costs a little more, as each launch has
 * to be told its range. Ranges of one name are summed up by `joulemap report --by range`, each without those nested in
 * it (self time): for modules of a network push the module's full name. */
JM_CUDA_API void jm_cuda_range_push(const char *name);
/* Ends the innermost range of the calling thread. Without a push it does nothing. */
JM_CUDA_API void jm_cuda_range_pop(void);

/* Brings to the file all that CUPTI has complete. Call cudaDeviceSynchronize before, to have all of it. Else it happens by
 * itself about twice a second, and when the process ends by exit. */
JM_CUDA_API void jm_cuda_flush(void);
/* Flushes, ends recording and closes the file. */
JM_CUDA_API void jm_cuda_stop(void);

/* Gives an enum jm_cuda_status, and, when text is not NULL, a sentence for a person about it (cut to size). */
JM_CUDA_API int jm_cuda_status(char *text, uint32_t size);
/* Gives how many records CUPTI dropped since the start. */
JM_CUDA_API uint64_t jm_cuda_n_dropped(void);

/* Entry points that CUDA and NVTX call in a library named by the environment. Not for programs. */
JM_CUDA_API int InitializeInjection(void);
JM_CUDA_API int InitializeInjectionNvtx2(const void *(*export_table)(uint32_t id));

#ifdef __cplusplus
}
#endif
#endif
