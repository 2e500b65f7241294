#define _GNU_SOURCE
#include "cuda.h"
#include "trace/cuda_activity.h"

#include <dlfcn.h>
#include <stdio.h>

/* Of the CUDA driver API: which device CUPTI's number is, so that a GPU's sensor can be found by its bus id. */
struct driver {
	int (*get)(int *device, int ordinal);
	int (*bus_id)(char *text, int n, int device);
	int (*name)(char *text, int n, int device);
};

static bool load(struct driver *d)
{
	void *library = dlopen("libcuda.so.1", RTLD_LAZY | RTLD_NOLOAD);

	if (!library)
		return false;
	*(void **)&d->get = dlsym(library, "cuDeviceGet");
	*(void **)&d->bus_id = dlsym(library, "cuDeviceGetPCIBusId");
	*(void **)&d->name = dlsym(library, "cuDeviceGetName");
	dlclose(library); /* the process holds it */
	return d->get && d->bus_id && d->name;
}

static void say(const struct driver *d, uint32_t number)
{
	char bus_id[64], name[128], text[224];
	int device;

	if (d->get(&device, (int)number) || d->bus_id(bus_id, sizeof(bus_id), device) ||
	    d->name(name, sizeof(name), device))
		return;
	snprintf(text, sizeof(text), "%s,%s", bus_id, name);
	jm_activity_append_text(jm_cuda.file, JM_ACTIVITY_DEVICE, number, text);
}

void jm_devices_say(void)
{
	uint64_t fresh = jm_cuda.devices & ~jm_cuda.devices_said;
	struct driver driver;
	uint32_t i;

	if (!fresh || !load(&driver))
		return;
	for (i = 0; i < 64; i++)
		if (fresh >> i & 1)
			say(&driver, i);
	jm_cuda.devices_said |= fresh;
}
