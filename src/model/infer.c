#define _GNU_SOURCE
#include "model/infer_module.h"

#include "core/error.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#define MODULE "libjoulemap_onnx.so"

/* Beside the program or library that this code is part of; else where the system looks. */
static void *open_module(void)
{
	char path[4096];
	const char *slash;
	void *module = NULL;
	Dl_info own;

	if (dladdr((void *)(uintptr_t)jm_infer_shapes, &own) && own.dli_fname) {
		slash = strrchr(own.dli_fname, '/');
		snprintf(path, sizeof(path), "%.*s" MODULE, slash ? (int)(slash - own.dli_fname) + 1 : 0,
			 own.dli_fname);
		module = slash ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : NULL;
	}
	return module ? module : dlopen(MODULE, RTLD_NOW | RTLD_LOCAL);
}

int jm_infer_shapes(const void *bytes, size_t n, const struct jm_infer_input *inputs, size_t n_inputs, jm_infer_fn tell,
		    void *ctx, struct jm_error *err)
{
	void *module = open_module(); /* stays loaded: protobuf does not like to go */
	jm_infer_module_fn infer = NULL;
	char why[256];
	int rc;

	if (module)
		*(void **)&infer = dlsym(module, "jm_infer_module");
	if (!infer) {
		jm_error_set(err, JM_E_UNSUPPORTED,
			     "shapes are not inferred: " MODULE " is not there, or cannot be loaded");
		jm_error_remedy(err, "apt-get install libonnx-dev libprotobuf-dev, then configure and build again");
		return JM_E_UNSUPPORTED;
	}
	rc = infer(bytes, n, inputs, n_inputs, tell, ctx, why, sizeof(why));
	return rc ? jm_error_set(err, rc, "the ONNX library cannot infer the shapes: %s",
				 why[0] ? why : jm_error_text(rc))
		  : 0;
}
