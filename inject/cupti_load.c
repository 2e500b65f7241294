#define _GNU_SOURCE
#include "cupti.h"

#include <dlfcn.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Newest first: a process mostly has one, and of several installed ones the newest that the driver takes knows most. */
static const struct {
	const char *name;
	int major;
} sonames[] = {{"libcupti.so.13", 13},   {"libcupti.so.12", 12},   {"libcupti.so.11.8", 11}, {"libcupti.so.11.7", 11},
	       {"libcupti.so.11.6", 11}, {"libcupti.so.11.5", 11}, {"libcupti.so.11.4", 11}, {"libcupti.so.11.3", 11},
	       {"libcupti.so.11.2", 11}, {"libcupti.so.11.1", 11}, {"libcupti.so.11.0", 11}};
#define N_SONAMES (sizeof(sonames) / sizeof(sonames[0]))

/* Gives the major version of CUDA that the driver supports; 0: there is no driver, or it does not say. */
static int driver_major(void)
{
	void *driver = dlopen("libcuda.so.1", RTLD_LAZY | RTLD_NOLOAD);
	int (*get)(int *) = NULL;
	int version = 0;

	if (driver)
		*(void **)&get = dlsym(driver, "cuDriverGetVersion");
	if (!get || get(&version))
		version = 0;
	if (driver)
		dlclose(driver);
	return version / 1000;
}

static void *load_path(const char *folder, const char *file)
{
	char path[1024];

	return snprintf(path, sizeof(path), "%s/%s", folder, file) < (int)sizeof(path)
		   ? dlopen(path, RTLD_NOW | RTLD_LOCAL)
		   : NULL;
}

struct wheel_search {
	int newest;
	void *found;
};

/* The Python packages of CUDA lie side by side: nvidia/cu13/lib (13), nvidia/cuda_runtime/lib and nvidia/cuda_cupti/lib (11,
 * 12). A library of one of them that is loaded leads to the others. */
static int search_wheel(struct dl_phdr_info *info, size_t size, void *ctx)
{
	struct wheel_search *s = ctx;
	const char *mark = info->dlpi_name ? strstr(info->dlpi_name, "/nvidia/") : NULL;
	char folder[512];
	size_t i;

	(void)size;
	if (!mark)
		return 0;
	for (i = 0; i < N_SONAMES && !s->found; i++) {
		int n = (int)(mark - info->dlpi_name);

		if (sonames[i].major > s->newest)
			continue;
		if (sonames[i].major >= 13)
			snprintf(folder, sizeof(folder), "%.*s/nvidia/cu%d/lib", n, info->dlpi_name, sonames[i].major);
		else
			snprintf(folder, sizeof(folder), "%.*s/nvidia/cuda_cupti/lib", n, info->dlpi_name);
		/* Not loaded here: the loader holds its lock while it tells us of its libraries. */
		if (strlen(folder) + strlen(sonames[i].name) + 2 < sizeof(folder)) {
			strcat(strcat(folder, "/"), sonames[i].name);
			s->found = access(folder, R_OK) == 0 ? strdup(folder) : NULL;
		}
	}
	return s->found != NULL;
}

static void *load_from_wheel(int newest)
{
	struct wheel_search s = {.newest = newest};
	void *library = NULL;

	dl_iterate_phdr(search_wheel, &s);
	if (s.found)
		library = dlopen(s.found, RTLD_NOW | RTLD_LOCAL);
	free(s.found);
	return library;
}

static void *load_from_toolkit(int newest)
{
	static const char *const variables[] = {"CUDA_HOME", "CUDA_PATH", NULL};
	static const char *const parts[] = {"extras/CUPTI/lib64", "lib64", "targets/x86_64-linux/lib"};
	size_t v, p, i;

	for (v = 0; v < 3; v++) {
		const char *root = variables[v] ? getenv(variables[v]) : "/usr/local/cuda";
		char folder[512];

		for (p = 0; root && p < sizeof(parts) / sizeof(parts[0]); p++) {
			snprintf(folder, sizeof(folder), "%s/%s", root, parts[p]);
			for (i = 0; i < N_SONAMES; i++) {
				void *library = sonames[i].major <= newest ? load_path(folder, sonames[i].name) : NULL;

				if (library)
					return library;
			}
		}
	}
	return NULL;
}

static void *load_by_name(int newest, int flags)
{
	size_t i;

	for (i = 0; i < N_SONAMES; i++) {
		void *library = sonames[i].major <= newest ? dlopen(sonames[i].name, flags) : NULL;

		if (library)
			return library;
	}
	return NULL;
}

static void *find(void)
{
	int driver = driver_major(), newest = driver ? driver : 99;
	const char *named = getenv("JOULEMAP_CUPTI");
	void *library = load_by_name(newest, RTLD_NOW | RTLD_NOLOAD);

	if (!library && named && *named)
		return dlopen(named, RTLD_NOW | RTLD_LOCAL);
	library = library ? library : load_from_wheel(newest);
	library = library ? library : load_by_name(newest, RTLD_NOW | RTLD_LOCAL);
	return library ? library : load_from_toolkit(newest);
}

bool jm_cupti_load(struct cupti *out, char *why, size_t why_size)
{
	struct link_map *map;

	memset(out, 0, sizeof(*out));
	dlerror();
	out->library = find();
	if (!out->library) {
		const char *named = getenv("JOULEMAP_CUPTI"), *error = dlerror();

		if (named && *named)
			snprintf(why, why_size, "JOULEMAP_CUPTI cannot be loaded: %s", error ? error : named);
		else
			snprintf(
			    why, why_size,
			    "libcupti.so was found neither in the process nor by the loader nor in the CUDA toolkit; "
			    "install the toolkit's CUPTI or the Python package nvidia-cuda-cupti of the driver's "
			    "CUDA version, or name the library in JOULEMAP_CUPTI");
		return false;
	}
	if (dlinfo(out->library, RTLD_DI_LINKMAP, &map) == 0)
		snprintf(out->path, sizeof(out->path), "%s", map->l_name);
#define RESOLVE(member, symbol, parameters, is_required)                                                               \
	*(void **)&out->member = dlsym(out->library, #symbol);                                                         \
	if ((is_required) && !out->member) {                                                                           \
		snprintf(why, why_size, "%s has no %s", out->path, #symbol);                                           \
		return false;                                                                                          \
	}
	CUPTI_FUNCTION_LIST(RESOLVE)
#undef RESOLVE
	return true;
}
