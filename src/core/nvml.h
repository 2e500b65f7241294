/* The NVIDIA management library, loaded at run time: nothing of CUDA is needed to build or to run without a GPU.
 *
 * The few types and numbers used are declared here after the NVML API Reference Guide (docs.nvidia.com/deploy/nvml-api,
 * release 580: "Device Structs", "Device Enums", "Field Value Enums", "Device Queries"). Every function but the first
 * five is optional: a NULL member is a symbol that this library lacks, and what needs it is left out. */
#ifndef CORE_NVML_H
#define CORE_NVML_H

#include "core/env.h"

#include <stdatomic.h>

typedef struct jm_nvml_device_opaque *jm_nvml_device;

/* nvmlReturn_t, as far as a caller acts on it. */
enum {
	JM_NVML_SUCCESS = 0,
	JM_NVML_UNINITIALIZED = 1,
	JM_NVML_NOT_SUPPORTED = 3,
	JM_NVML_NO_PERMISSION = 4,
	JM_NVML_NOT_FOUND = 6,
	JM_NVML_INSUFFICIENT_SIZE = 7,
	JM_NVML_DRIVER_NOT_LOADED = 9,
	JM_NVML_TIMEOUT = 10,
	JM_NVML_FUNCTION_NOT_FOUND = 13,
	JM_NVML_GPU_IS_LOST = 15,
	JM_NVML_RESET_REQUIRED = 16,
	JM_NVML_VERSION_MISMATCH = 18,
	JM_NVML_MEMORY = 20,
	JM_NVML_NO_DATA = 21,
	JM_NVML_NOT_READY = 27,
	JM_NVML_GPU_NOT_FOUND = 28
};

/* nvmlValueType_t and nvmlValue_t. */
enum {
	JM_NVML_VALUE_DOUBLE,
	JM_NVML_VALUE_UINT,
	JM_NVML_VALUE_ULONG,
	JM_NVML_VALUE_ULLONG,
	JM_NVML_VALUE_SLLONG,
	JM_NVML_VALUE_SINT,
	JM_NVML_VALUE_USHORT
};

union jm_nvml_value {
	double d;
	unsigned int ui;
	unsigned long ul;
	unsigned long long ull;
	long long sll;
	int si;
	unsigned short us;
};

/* nvmlSample_t. */
struct jm_nvml_sample {
	unsigned long long timestamp_us; /* CLOCK_REALTIME */
	union jm_nvml_value value;
};

/* nvmlFieldValue_t. */
struct jm_nvml_field {
	unsigned int field, scope;
	long long timestamp_us, latency_us;
	unsigned int value_type;
	int result;
	union jm_nvml_value value;
};

/* nvmlPciInfo_t, version 3. bus_id: "00000000:17:00.0", domain:bus:device.function. */
struct jm_nvml_pci {
	char bus_id_legacy[16];
	unsigned int domain, bus, device, device_id, subsystem_id;
	char bus_id[32];
};

/* nvmlProcessInfo_t, versions 2 and 3. used_bytes: UINT64_MAX where the driver does not tell; instances: UINT32_MAX
 * outside of MIG. */
struct jm_nvml_process {
	unsigned int pid;
	unsigned long long used_bytes;
	unsigned int gpu_instance, compute_instance;
};

/* nvmlProcessUtilizationSample_t: of one process since the driver's sample before, percent. */
struct jm_nvml_process_utilization {
	unsigned int pid;
	unsigned long long timestamp_us; /* CLOCK_REALTIME */
	unsigned int sm_percent, memory_percent, encoder_percent, decoder_percent;
};

enum { JM_NVML_TOTAL_POWER_SAMPLES = 0 }; /* nvmlSamplingType_t */
/* NVML_FI_DEV_PERF_POLICY_*, ns: how long clocks were held down for power, for heat (cumulative). */
enum { JM_NVML_FIELD_HELD_POWER = 74, JM_NVML_FIELD_HELD_HEAT = 75 };
enum { JM_NVML_FIELD_POWER_AVERAGE = 185, JM_NVML_FIELD_POWER_INSTANT }; /* NVML_FI_DEV_POWER_*, mW */
enum { JM_NVML_FIELD_HELD_BRAKE = 253 }; /* NVML_FI_DEV_CLOCKS_EVENT_REASON_HW_POWER_BRAKE_SLOWDOWN, ns */
enum { JM_NVML_SCOPE_GPU = 0, JM_NVML_SCOPE_MODULE = 1, JM_NVML_SCOPE_MEMORY = 2 };
enum { JM_NVML_TEMPERATURE_GPU = 0 };
enum { JM_NVML_CLOCK_SM = 1, JM_NVML_CLOCK_MEM = 2 };
/* nvmlGpuVirtualizationMode_t. GUEST: this is a virtual GPU; HOST: virtual GPUs are made of this one. */
enum { JM_NVML_VIRTUALIZATION_GUEST = 2, JM_NVML_VIRTUALIZATION_HOST = 3 };
enum { JM_NVML_ARCH_VOLTA = 5, JM_NVML_ARCH_TURING = 6, JM_NVML_ARCH_AMPERE = 7 }; /* nvmlDeviceArchitecture_t */

/* X(member, arguments, symbol, older symbol or "", is required) */
#define JM_NVML_LIST(X)                                                                                                \
	X(init, (void), "nvmlInit_v2", "nvmlInit", true)                                                               \
	X(shutdown, (void), "nvmlShutdown", "", true)                                                                  \
	X(device_count, (unsigned int *), "nvmlDeviceGetCount_v2", "nvmlDeviceGetCount", true)                         \
	X(device, (unsigned int, jm_nvml_device *), "nvmlDeviceGetHandleByIndex_v2", "nvmlDeviceGetHandleByIndex",     \
	  true)                                                                                                        \
	X(name, (jm_nvml_device, char *, unsigned int), "nvmlDeviceGetName", "", true)                                 \
	X(driver_version, (char *, unsigned int), "nvmlSystemGetDriverVersion", "", false)                             \
	X(uuid, (jm_nvml_device, char *, unsigned int), "nvmlDeviceGetUUID", "", false)                                \
	X(architecture, (jm_nvml_device, unsigned int *), "nvmlDeviceGetArchitecture", "", false)                      \
	X(samples, (jm_nvml_device, int, unsigned long long, unsigned int *, unsigned int *, struct jm_nvml_sample *), \
	  "nvmlDeviceGetSamples", "", false)                                                                           \
	X(fields, (jm_nvml_device, int, struct jm_nvml_field *), "nvmlDeviceGetFieldValues", "", false)                \
	X(total_energy, (jm_nvml_device, unsigned long long *), "nvmlDeviceGetTotalEnergyConsumption", "", false)      \
	X(power_usage, (jm_nvml_device, unsigned int *), "nvmlDeviceGetPowerUsage", "", false)                         \
	X(temperature, (jm_nvml_device, int, unsigned int *), "nvmlDeviceGetTemperature", "", false)                   \
	X(clock, (jm_nvml_device, int, unsigned int *), "nvmlDeviceGetClockInfo", "", false)                           \
	X(performance_state, (jm_nvml_device, unsigned int *), "nvmlDeviceGetPerformanceState", "", false)             \
	X(clock_reasons, (jm_nvml_device, unsigned long long *), "nvmlDeviceGetCurrentClocksEventReasons",             \
	  "nvmlDeviceGetCurrentClocksThrottleReasons", false)                                                          \
	X(mig_mode, (jm_nvml_device, unsigned int *, unsigned int *), "nvmlDeviceGetMigMode", "", false)               \
	X(max_mig_devices, (jm_nvml_device, unsigned int *), "nvmlDeviceGetMaxMigDeviceCount", "", false)              \
	X(mig_device, (jm_nvml_device, unsigned int, jm_nvml_device *), "nvmlDeviceGetMigDeviceHandleByIndex", "",     \
	  false)                                                                                                       \
	X(virtualization, (jm_nvml_device, int *), "nvmlDeviceGetVirtualizationMode", "", false)                       \
	X(active_vgpus, (jm_nvml_device, unsigned int *, unsigned int *), "nvmlDeviceGetActiveVgpus", "", false)       \
	X(pci, (jm_nvml_device, struct jm_nvml_pci *), "nvmlDeviceGetPciInfo_v3", "", false)                           \
	X(compute_processes, (jm_nvml_device, unsigned int *, struct jm_nvml_process *),                               \
	  "nvmlDeviceGetComputeRunningProcesses_v3", "nvmlDeviceGetComputeRunningProcesses_v2", false)                 \
	X(graphics_processes, (jm_nvml_device, unsigned int *, struct jm_nvml_process *),                              \
	  "nvmlDeviceGetGraphicsRunningProcesses_v3", "nvmlDeviceGetGraphicsRunningProcesses_v2", false)               \
	X(process_utilization,                                                                                         \
	  (jm_nvml_device, struct jm_nvml_process_utilization *, unsigned int *, unsigned long long),                  \
	  "nvmlDeviceGetProcessUtilization", "", false)

struct jm_nvml {
#define JM_NVML_MEMBER(member, arguments, ...) int(*member) arguments;
	JM_NVML_LIST(JM_NVML_MEMBER)
#undef JM_NVML_MEMBER
	void *library;
	atomic_int n_users;
};

/* Loads env->nvml, or libnvidia-ml.so.1, and initialises it. *out: one use, ended with jm_nvml_release. Errors, with
 * message and remedy: JM_E_NOT_FOUND: no such library; JM_E_UNSUPPORTED: a required symbol is missing, or env has a
 * root and no NVML of its own; JM_E_GONE: no driver; JM_E_PERMISSION; JM_E_VERSION: library and driver differ; JM_E_IO.
 */
int jm_nvml_open(const struct jm_env *env, struct jm_nvml **out, struct jm_error *err);
/* One more use. */
struct jm_nvml *jm_nvml_retain(struct jm_nvml *nvml);
/* One use less; the last shuts the library down and unloads it. NULL is allowed. */
void jm_nvml_release(struct jm_nvml *nvml);

/* Gives the JM_E_ code of an nvmlReturn_t; 0 for success. AGAIN: try later; GONE: the GPU will not answer any more. */
int jm_nvml_error(int result);
/* Gives the value times scale, rounded. Errors: JM_E_FORMAT: an unknown type, not finite, or out of range. */
int jm_nvml_scaled(unsigned int type, union jm_nvml_value value, int64_t scale, int64_t *out);

#endif
