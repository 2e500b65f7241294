/* An NVML of long ago: no _v2 names, no buffer, no fields, no energy. */
#include <string.h>

#define EXPORT __attribute__((visibility("default")))

EXPORT int nvmlInit(void);
EXPORT int nvmlShutdown(void);
EXPORT int nvmlDeviceGetCount(unsigned int *out);
EXPORT int nvmlDeviceGetHandleByIndex(unsigned int i, void **out);
EXPORT int nvmlDeviceGetName(void *d, char *out, unsigned int n);
EXPORT int nvmlDeviceGetPowerUsage(void *d, unsigned int *out);

static int gpu;

int nvmlInit(void)
{
	return 0;
}

int nvmlShutdown(void)
{
	return 0;
}

int nvmlDeviceGetCount(unsigned int *out)
{
	*out = 1;
	return 0;
}

int nvmlDeviceGetHandleByIndex(unsigned int i, void **out)
{
	*out = &gpu;
	return i == 0 ? 0 : 2;
}

int nvmlDeviceGetName(void *d, char *out, unsigned int n)
{
	(void)d;
	strncpy(out, "Tesla K40m", n);
	return 0;
}

int nvmlDeviceGetPowerUsage(void *d, unsigned int *out)
{
	(void)d;
	*out = 77500;
	return 0;
}
