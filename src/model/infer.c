#define _GNU_SOURCE
#include "model/infer_module.h"

#include "core/error.h"
#include "core/place.h"

#include <dlfcn.h>

#define MODULE "libjoulemap_onnx.so"

/* joulemap's own; else where the system looks. */
static void *open_module(void)
{
	char path[4096];
	void *module = NULL;

	if (jm_place_module(MODULE, path, sizeof(path)) == 0)
		module = dlopen(path, RTLD_NOW | RTLD_LOCAL);
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
