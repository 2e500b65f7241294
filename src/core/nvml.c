#define _GNU_SOURCE
#include "core/nvml.h"

#include "core/error.h"

#include <dlfcn.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_LIBRARY "libnvidia-ml.so.1"

static const struct {
	const char *symbol, *older;
	size_t at;
	bool is_required;
} symbols[] = {
#define SYMBOL(member, arguments, symbol, older, is_required)                                                          \
	{symbol, older, offsetof(struct jm_nvml, member), is_required},
    JM_NVML_LIST(SYMBOL)
#undef SYMBOL
};

int jm_nvml_error(int result)
{
	switch (result) {
	case JM_NVML_SUCCESS:
		return 0;
	case JM_NVML_NOT_FOUND: /* nvmlDeviceGetSamples: no entry yet */
	case JM_NVML_TIMEOUT:
	case JM_NVML_NO_DATA:
	case JM_NVML_NOT_READY:
		return JM_E_AGAIN;
	case JM_NVML_UNINITIALIZED:
	case JM_NVML_DRIVER_NOT_LOADED:
	case JM_NVML_GPU_IS_LOST:
	case JM_NVML_RESET_REQUIRED:
	case JM_NVML_GPU_NOT_FOUND:
		return JM_E_GONE;
	case JM_NVML_NO_PERMISSION:
		return JM_E_PERMISSION;
	case JM_NVML_NOT_SUPPORTED:
	case JM_NVML_FUNCTION_NOT_FOUND:
		return JM_E_UNSUPPORTED;
	case JM_NVML_MEMORY:
		return JM_E_NOMEM;
	case JM_NVML_VERSION_MISMATCH:
		return JM_E_VERSION;
	default:
		return JM_E_IO;
	}
}

static int scale_double(double value, int64_t scale, int64_t *out)
{
	value *= (double)scale;
	if (!(fabs(value) < 9e18))
		return JM_E_FORMAT;
	*out = llround(value);
	return 0;
}

static int scale_unsigned(unsigned long long value, int64_t scale, int64_t *out)
{
	if (value > (unsigned long long)(INT64_MAX / scale))
		return JM_E_FORMAT;
	*out = (int64_t)value * scale;
	return 0;
}

static int scale_signed(long long value, int64_t scale, int64_t *out)
{
	if (value < 0 && value < -(INT64_MAX / scale))
		return JM_E_FORMAT;
	if (value < 0) {
		*out = value * scale;
		return 0;
	}
	return scale_unsigned((unsigned long long)value, scale, out);
}

int jm_nvml_scaled(unsigned int type, union jm_nvml_value value, int64_t scale, int64_t *out)
{
	switch (type) {
	case JM_NVML_VALUE_DOUBLE:
		return scale_double(value.d, scale, out);
	case JM_NVML_VALUE_UINT:
		return scale_unsigned(value.ui, scale, out);
	case JM_NVML_VALUE_ULONG:
		return scale_unsigned(value.ul, scale, out);
	case JM_NVML_VALUE_ULLONG:
		return scale_unsigned(value.ull, scale, out);
	case JM_NVML_VALUE_SLLONG:
		return scale_signed(value.sll, scale, out);
	case JM_NVML_VALUE_SINT:
		return scale_signed(value.si, scale, out);
	case JM_NVML_VALUE_USHORT:
		return scale_unsigned(value.us, scale, out);
	default:
		return JM_E_FORMAT;
	}
}

static int load_symbols(struct jm_nvml *nvml, const char *path, struct jm_error *err)
{
	size_t i;

	for (i = 0; i < sizeof(symbols) / sizeof(symbols[0]); i++) {
		void *address = dlsym(nvml->library, symbols[i].symbol);

		if (!address && symbols[i].older[0])
			address = dlsym(nvml->library, symbols[i].older);
		if (!address && symbols[i].is_required) {
			jm_error_set(err, JM_E_UNSUPPORTED, "nvml: %s has no %s", path, symbols[i].symbol);
			jm_error_remedy(err, "install a complete NVIDIA driver, 470 or newer");
			return JM_E_UNSUPPORTED;
		}
		/* POSIX lets a void pointer from dlsym hold a function's address. */
		memcpy((char *)nvml + symbols[i].at, &address, sizeof(address));
	}
	return 0;
}

static int explain_init(int result, struct jm_error *err)
{
	int code = jm_nvml_error(result);

	code = code ? code : JM_E_IO;
	if (result == JM_NVML_DRIVER_NOT_LOADED) {
		jm_error_set(err, code, "nvml: the library is there, the NVIDIA driver is not loaded");
		jm_error_remedy(err, "sudo modprobe nvidia; in a container: start it with the GPUs (--gpus all)");
	} else if (result == JM_NVML_VERSION_MISMATCH) {
		jm_error_set(err, code, "nvml: library and loaded driver are of different versions");
		jm_error_remedy(err, "the driver was updated while in use: reboot, or reload the nvidia modules");
	} else if (result == JM_NVML_NO_PERMISSION) {
		jm_error_set(err, code, "nvml: no permission to use the NVIDIA devices");
		jm_error_remedy(err, "ls -l /dev/nvidia*; join the group that owns them");
	} else {
		jm_error_set(err, code, "nvml: initialisation failed with NVML code %d", result);
		jm_error_remedy(err, "run nvidia-smi: it shows what is wrong with the driver");
	}
	return code;
}

static int load(const struct jm_env *env, struct jm_nvml *nvml, struct jm_error *err)
{
	const char *path = env->nvml[0] ? env->nvml : DEFAULT_LIBRARY;
	int rc;

	nvml->library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!nvml->library) {
		jm_error_set(err, JM_E_NOT_FOUND, "cannot load the NVIDIA management library: %s", dlerror());
		jm_error_remedy(err, "%s",
				env->nvml[0] ? "JOULEMAP_NVML must name the library"
					     : "with an NVIDIA GPU: install its driver (Debian: nvidia-driver, "
					       "libnvidia-ml1); in a container: start it with --gpus all");
		return JM_E_NOT_FOUND;
	}
	rc = load_symbols(nvml, path, err);
	if (rc)
		return rc;
	rc = nvml->init();
	return rc ? explain_init(rc, err) : 0;
}

int jm_nvml_open(const struct jm_env *env, struct jm_nvml **out, struct jm_error *err)
{
	struct jm_nvml *nvml;
	int rc;

	if (env->root[0] && !env->nvml[0]) {
		jm_error_set(err, JM_E_UNSUPPORTED,
			     "nvml: a folder stands in for this machine, its GPUs are not asked");
		jm_error_remedy(err, "unset JOULEMAP_ROOT, or set JOULEMAP_NVML too");
		return JM_E_UNSUPPORTED;
	}
	nvml = calloc(1, sizeof(*nvml));
	if (!nvml)
		return jm_error_set(err, JM_E_NOMEM, "nvml: out of memory");
	atomic_init(&nvml->n_users, 1);
	rc = load(env, nvml, err);
	if (rc) {
		if (nvml->library)
			dlclose(nvml->library);
		free(nvml);
		return rc;
	}
	*out = nvml;
	return 0;
}

struct jm_nvml *jm_nvml_retain(struct jm_nvml *nvml)
{
	atomic_fetch_add(&nvml->n_users, 1);
	return nvml;
}

void jm_nvml_release(struct jm_nvml *nvml)
{
	if (!nvml || atomic_fetch_sub(&nvml->n_users, 1) != 1)
		return;
	nvml->shutdown();
	dlclose(nvml->library);
	free(nvml);
}
