/* Stands in for libnvidia-ml.so.1: the same symbols, answers from a script. */
#define _GNU_SOURCE
#include "fake_nvml.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define EXPORT __attribute__((visibility("default")))
/* Declares and begins to define. */
#define CALL(prototype)                                                                                                \
	EXPORT prototype;                                                                                              \
	EXPORT prototype

enum { SUCCESS, UNINITIALIZED, INVALID, NOT_SUPPORTED, NOT_FOUND = 6, INSUFFICIENT_SIZE = 7, LOST = 15 };

#define FAKE_NVML_ENTRIES_MAX 1024

typedef struct gpu *device_t;

union value {
	double d;
	unsigned int ui;
	unsigned long ul;
	unsigned long long ull;
	long long sll;
	int si;
	unsigned short us;
};

struct sample {
	unsigned long long timestamp;
	union value value;
};

struct field {
	unsigned int field, scope;
	long long timestamp, latency;
	unsigned int type;
	int result;
	union value value;
};

static struct fake_nvml script = {.gpus = 1,
				  .name = "NVIDIA H200",
				  .architecture = 9,
				  .buffer = 120,
				  .period_us = 20000,
				  .value_type = 1,
				  .base_mw = 120000,
				  .reasons = 4};

CALL(struct fake_nvml *fake_nvml_script(void))
{
	return &script;
}

#define KEY(member, member_is_text)                                                                                    \
	{                                                                                                              \
#member, offsetof(struct fake_nvml, member), sizeof(script.member), member_is_text                     \
	}

static void set(const char *key, const char *value)
{
	static const struct {
		const char *key;
		size_t at, size;
		int is_text;
	} keys[] = {KEY(gpus, 0),           KEY(name, 1),         KEY(architecture, 0), KEY(unsupported, 1),
		    KEY(init_result, 0),    KEY(count_result, 0), KEY(buffer, 0),       KEY(period_us, 0),
		    KEY(rotation, 0),       KEY(duplicates, 0),   KEY(zeros, 0),        KEY(value_type, 0),
		    KEY(base_mw, 0),        KEY(now_us, 0),       KEY(step_us, 0),      KEY(step_at_us, 0),
		    KEY(energy_mj, 0),      KEY(memory_mw, 0),    KEY(lost_after, 0),   KEY(mig, 0),
		    KEY(virtualization, 0), KEY(restamp_us, 0),   KEY(lost_gpu, 0),     KEY(mig_instances, 0),
		    KEY(vgpus, 0),          KEY(module_mw, 0),    KEY(held_ppm, 0),     KEY(held_heat_ppm, 0),
		    KEY(held_brake_ppm, 0), KEY(reasons, 0),      KEY(pstate, 0),       KEY(gap_from_us, 0),
		    KEY(gap_to_us, 0),      KEY(swapped, 0)};
	size_t i;

	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		char *at = (char *)&script + keys[i].at;
		uint64_t number = strtoull(value, NULL, 0);

		if (strcmp(key, keys[i].key))
			continue;
		if (keys[i].is_text)
			snprintf(at, keys[i].size, "%s", value);
		else
			memcpy(at, &number, keys[i].size); /* little-endian */
		return;
	}
	fprintf(stderr, "fake_nvml: unknown key %s\n", key);
}

static void load_script(void)
{
	const char *path = getenv("JM_FAKE_NVML");
	FILE *f = path ? fopen(path, "r") : NULL;
	char line[640];

	while (f && fgets(line, sizeof(line), f)) {
		char *value = strchr(line, '=');

		line[strcspn(line, "\n")] = '\0';
		if (!value)
			continue;
		*value++ = '\0';
		set(line, value);
	}
	if (f)
		fclose(f);
}

static uint64_t true_us(void)
{
	struct timespec t;

	if (script.source)
		return script.source->now_us(script.source->ctx);
	if (script.now_us)
		return script.now_us;
	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static int is_unsupported(const char *what)
{
	char word[80];

	snprintf(word, sizeof(word), ",%s,", what);
	return strstr(script.unsupported, word) != NULL;
}

/* What every call on a GPU begins with. */
static int answer(const char *call, device_t d)
{
	script.n_calls++;
	if (script.n_inits == script.n_shutdowns)
		return UNINITIALIZED;
	if (is_unsupported(call))
		return NOT_SUPPORTED;
	if (script.lost_gpu && script.lost_gpu != (uintptr_t)d)
		return SUCCESS;
	return script.lost_after && script.n_calls > script.lost_after ? LOST : SUCCESS;
}
#define ANSWER()                                                                                                       \
	int rc_ = answer(__func__, d);                                                                                 \
	if (rc_)                                                                                                       \
	return rc_

CALL(int nvmlInit_v2(void))
{
	load_script();
	if (script.init_result)
		return script.init_result;
	script.n_inits++;
	return SUCCESS;
}

CALL(int nvmlShutdown(void))
{
	script.n_shutdowns++;
	return SUCCESS;
}

CALL(int nvmlDeviceGetCount_v2(unsigned int *out))
{
	*out = script.gpus;
	return script.count_result;
}

CALL(int nvmlDeviceGetHandleByIndex_v2(unsigned int i, device_t *out))
{
	*out = (device_t)(uintptr_t)(i + 1);
	return i < script.gpus ? SUCCESS : INVALID;
}

CALL(int nvmlDeviceGetName(device_t d, char *out, unsigned int n))
{
	ANSWER();
	snprintf(out, n, "%s", script.name);
	return SUCCESS;
}

CALL(int nvmlDeviceGetArchitecture(device_t d, unsigned int *out))
{
	ANSWER();
	*out = script.architecture;
	return SUCCESS;
}

static union value as_type(uint64_t number)
{
	union value v = {0};

	switch (script.value_type) {
	case 0:
		v.d = (double)number;
		break;
	case 1:
		v.ui = (unsigned int)number;
		break;
	case 2:
		v.ul = (unsigned long)number;
		break;
	case 5:
		v.si = (int)number;
		break;
	case 6:
		v.us = (unsigned short)number;
		break;
	default:
		v.ull = number;
	}
	return v;
}

static uint64_t first_us(void)
{
	static uint64_t start_us;

	start_us = start_us ? start_us : true_us();
	return start_us;
}

/* Of the time since the first look, in steps of 100 ms. */
static uint64_t held_ns(unsigned int ppm)
{
	return (true_us() - first_us()) / 100000 * 100000 * ppm / 1000000 * 1000;
}

static int is_in_gap(uint64_t k)
{
	return k * script.period_us >= script.gap_from_us && k * script.period_us < script.gap_to_us;
}

/* Entry k was made at true time k * period. */
static struct sample entry(uint64_t k, unsigned int gpu)
{
	uint64_t t = k * script.period_us;

	if (script.step_us && t > script.step_at_us)
		t += (uint64_t)script.step_us;
	t += (uint64_t)script.restamp_us;
	return (struct sample){t, as_type(script.base_mw + (gpu - 1) * 1000 + k % 10)};
}

/* Fills out from the test's sensor; without out: only counts. */
static void source_entries(unsigned int *n, struct sample *out)
{
	struct fake_nvml_entry entries[FAKE_NVML_ENTRIES_MAX];
	unsigned int i, total;

	total = script.source->entries(script.source->ctx, entries,
				       script.buffer < FAKE_NVML_ENTRIES_MAX ? script.buffer : FAKE_NVML_ENTRIES_MAX);
	for (i = 0; out && i < total && i < *n; i++)
		out[i] = (struct sample){entries[i].stamp_us, as_type(entries[i].power_mw)};
	*n = out ? i : total;
}

CALL(int nvmlDeviceGetSamples(device_t d, int type, unsigned long long seen, unsigned int *value_type, unsigned int *n,
			      struct sample *out))
{
	uint64_t newest = true_us() / script.period_us;
	unsigned int total = script.buffer + script.duplicates + script.zeros, i, k = 0;

	ANSWER();
	if (type != 0)
		return INVALID;
	if (total == 0)
		return NOT_FOUND;
	*value_type = script.value_type;
	if (script.source) {
		source_entries(n, out);
		return *n ? SUCCESS : NOT_FOUND;
	}
	if (!out) {
		*n = total;
		return SUCCESS;
	}
	for (i = 0; i < script.buffer && k < *n; i++) {
		unsigned int place = (i + script.rotation) % script.buffer;
		uint64_t number = newest - script.buffer + 1 + (script.swapped ? (place ^ 1) : place);
		struct sample s = entry(number, (unsigned)(uintptr_t)d);

		if (s.timestamp > seen && !is_in_gap(number))
			out[k++] = s;
	}
	for (i = 0; i < script.duplicates && k > 0 && k < *n; i++, k++)
		out[k] = out[0];
	for (i = 0; i < script.zeros && k < *n; i++)
		memset(&out[k++], 0, sizeof(*out));
	*n = k;
	return SUCCESS;
}

static int fill_power(device_t d, struct field *f)
{
	if (f->scope > 2 || (f->scope == 2 && script.memory_mw == 0) || (f->scope == 1 && script.module_mw == 0))
		return NOT_SUPPORTED;
	f->type = script.value_type;
	f->value = as_type(f->scope == 2   ? script.memory_mw
			   : f->scope == 1 ? script.module_mw
			   : script.source ? script.source->power_mw(script.source->ctx, f->field)
					   : script.base_mw + ((uintptr_t)d - 1) * 1000);
	return SUCCESS;
}

static int fill_held(struct field *f, unsigned int ppm)
{
	f->type = 3;
	f->value.ull = held_ns(ppm);
	return SUCCESS;
}

static int fill_field(device_t d, struct field *f)
{
	char what[32];

	snprintf(what, sizeof(what), "%u:%u", f->field, f->scope);
	if (is_unsupported(what))
		return NOT_SUPPORTED;
	f->timestamp = (long long)true_us();
	switch (f->field) {
	case 74:
		return fill_held(f, script.held_ppm);
	case 75:
		return fill_held(f, script.held_heat_ppm);
	case 253:
		return script.held_brake_ppm ? fill_held(f, script.held_brake_ppm) : NOT_SUPPORTED;
	case 185:
	case 186:
		return fill_power(d, f);
	default:
		return NOT_SUPPORTED;
	}
}

CALL(int nvmlDeviceGetFieldValues(device_t d, int n, struct field *f))
{
	int i;

	ANSWER();
	for (i = 0; i < n; i++)
		f[i].result = fill_field(d, &f[i]);
	return SUCCESS;
}

CALL(int nvmlDeviceGetTotalEnergyConsumption(device_t d, unsigned long long *out))
{
	static uint64_t start_us;

	ANSWER();
	if (script.source) {
		*out = script.source->energy_mj(script.source->ctx);
		return SUCCESS;
	}
	start_us = start_us ? start_us : true_us();
	*out = script.energy_mj ? script.energy_mj : script.base_mw * (true_us() - start_us) / 1000000 + 1;
	return SUCCESS;
}

CALL(int nvmlDeviceGetPowerUsage(device_t d, unsigned int *out))
{
	ANSWER();
	*out = (unsigned int)(script.source ? script.source->power_mw(script.source->ctx, 0)
					    : script.base_mw + ((uintptr_t)d - 1) * 1000);
	return SUCCESS;
}

CALL(int nvmlDeviceGetTemperature(device_t d, int sensor, unsigned int *out))
{
	ANSWER();
	*out = sensor == 0 ? 41 : 0;
	return SUCCESS;
}

CALL(int nvmlDeviceGetClockInfo(device_t d, int type, unsigned int *out))
{
	ANSWER();
	*out = type == 1 ? 1980 : 3201;
	return SUCCESS;
}

CALL(int nvmlDeviceGetCurrentClocksThrottleReasons(device_t d, unsigned long long *out))
{
	ANSWER();
	*out = script.reasons;
	return SUCCESS;
}

CALL(int nvmlDeviceGetMigMode(device_t d, unsigned int *current, unsigned int *pending))
{
	ANSWER();
	*current = *pending = script.mig;
	return SUCCESS;
}

CALL(int nvmlDeviceGetPerformanceState(device_t d, unsigned int *out))
{
	ANSWER();
	*out = script.pstate;
	return SUCCESS;
}

CALL(int nvmlDeviceGetUUID(device_t d, char *out, unsigned int n))
{
	ANSWER();
	snprintf(out, n, "GPU-00000000-0000-0000-0000-%012u", (unsigned)(uintptr_t)d - 1);
	return SUCCESS;
}

struct pci {
	char legacy[16];
	unsigned int domain, bus, device, device_id, subsystem_id;
	char id[32];
};

CALL(int nvmlDeviceGetPciInfo_v3(device_t d, struct pci *out))
{
	ANSWER();
	memset(out, 0, sizeof(*out));
	out->bus = (unsigned)(uintptr_t)d - 1;
	snprintf(out->id, sizeof(out->id), "00000000:%02X:00.0", out->bus);
	return SUCCESS;
}

CALL(int nvmlDeviceGetMaxMigDeviceCount(device_t d, unsigned int *out))
{
	ANSWER();
	*out = 7;
	return SUCCESS;
}

CALL(int nvmlDeviceGetMigDeviceHandleByIndex(device_t d, unsigned int i, device_t *out))
{
	ANSWER();
	*out = d;
	return i < script.mig_instances ? SUCCESS : NOT_FOUND;
}

CALL(int nvmlDeviceGetActiveVgpus(device_t d, unsigned int *n, unsigned int *out))
{
	ANSWER();
	(void)out;
	*n = script.vgpus;
	return script.vgpus ? INSUFFICIENT_SIZE : SUCCESS;
}

CALL(int nvmlDeviceGetVirtualizationMode(device_t d, unsigned int *out))
{
	ANSWER();
	*out = script.virtualization;
	return SUCCESS;
}
