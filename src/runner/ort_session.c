#define _GNU_SOURCE
#include "runner/ort_internal.h"

#include "core/error.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* How providers are called: by users, by ONNX Runtime in its list, and by the generic call that adds one (NULL: it has a
 * call of its own, or none is needed). Source: onnxruntime_c_api.h, SessionOptionsAppendExecutionProvider. */
static const struct provider {
	const char *name, *listed_as, *generic;
} providers[] = {
    {"cpu", "CPUExecutionProvider", NULL},       {"cuda", "CUDAExecutionProvider", NULL},
    {"tensorrt", "TensorrtExecutionProvider", NULL}, {"rocm", "ROCMExecutionProvider", NULL},
    {"openvino", "OpenVINOExecutionProvider", "OpenVINO"}, {"xnnpack", "XnnpackExecutionProvider", "XNNPACK"},
    {"qnn", "QNNExecutionProvider", "QNN"},
};

static const struct provider *find_provider(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(providers) / sizeof(providers[0]); i++)
		if (strcasecmp(name, providers[i].name) == 0 || strcmp(name, providers[i].listed_as) == 0)
			return &providers[i];
	return NULL;
}

static int append_cuda(const struct jm_ort *ort, OrtSessionOptions *options, struct jm_error *err)
{
	OrtCUDAProviderOptionsV2 *cuda = NULL;
	int rc = jm_ort_check(ort, ort->api->CreateCUDAProviderOptions(&cuda), "provider cuda", err);

	if (rc)
		return rc;
	rc = jm_ort_check(ort, ort->api->SessionOptionsAppendExecutionProvider_CUDA_V2(options, cuda), "provider cuda", err);
	ort->api->ReleaseCUDAProviderOptions(cuda);
	return rc;
}

static int append_tensorrt(const struct jm_ort *ort, OrtSessionOptions *options, struct jm_error *err)
{
	OrtTensorRTProviderOptionsV2 *trt = NULL;
	int rc = jm_ort_check(ort, ort->api->CreateTensorRTProviderOptions(&trt), "provider tensorrt", err);

	if (rc)
		return rc;
	rc = jm_ort_check(ort, ort->api->SessionOptionsAppendExecutionProvider_TensorRT_V2(options, trt), "provider tensorrt",
			  err);
	ort->api->ReleaseTensorRTProviderOptions(trt);
	return rc;
}

static int append_rocm(const struct jm_ort *ort, OrtSessionOptions *options, struct jm_error *err)
{
	OrtROCMProviderOptions *rocm = NULL;
	int rc = jm_ort_check(ort, ort->api->CreateROCMProviderOptions(&rocm), "provider rocm", err);

	if (rc)
		return rc;
	rc = jm_ort_check(ort, ort->api->SessionOptionsAppendExecutionProvider_ROCM(options, rocm), "provider rocm", err);
	ort->api->ReleaseROCMProviderOptions(rocm);
	return rc;
}

static int append_provider(const struct jm_ort *ort, OrtSessionOptions *options, const char *name, struct jm_error *err)
{
	const struct provider *p = find_provider(name);
	char listed[512];
	int rc = 0;

	if (jm_ort_providers(ort, listed, sizeof(listed)))
		listed[0] = '\0';
	if (!p || !strstr(listed, p->listed_as)) {
		jm_error_set(err, JM_E_UNSUPPORTED, "provider '%s' is not in ONNX Runtime %s (%s): it has %s", name, ort->version,
			     ort->library, listed);
		jm_error_remedy(err, "take a library built with it (for cuda: pip download onnxruntime-gpu) with --onnxruntime LIB, "
				     "or --provider cpu");
		return JM_E_UNSUPPORTED;
	}
	if (p->generic)
		rc = jm_ort_check(ort,
				  ort->api->SessionOptionsAppendExecutionProvider(options, p->generic, NULL, NULL, 0),
				  "provider", err);
	else if (strcmp(p->name, "cuda") == 0)
		rc = append_cuda(ort, options, err);
	else if (strcmp(p->name, "tensorrt") == 0)
		rc = append_tensorrt(ort, options, err);
	else if (strcmp(p->name, "rocm") == 0)
		rc = append_rocm(ort, options, err);
	if (rc)
		jm_error_remedy(err, "check the driver and libraries that this provider needs, or take --provider cpu");
	return rc ? JM_E_UNSUPPORTED : 0;
}

static const GraphOptimizationLevel levels[] = {[JM_ORT_LEVEL_ALL] = ORT_ENABLE_ALL,
						[JM_ORT_LEVEL_EXTENDED] = ORT_ENABLE_EXTENDED,
						[JM_ORT_LEVEL_BASIC] = ORT_ENABLE_BASIC,
						[JM_ORT_LEVEL_NONE] = ORT_DISABLE_ALL};

static int set_options(const struct jm_ort *ort, const struct jm_ort_options *o, OrtSessionOptions *options,
		       struct jm_error *err)
{
	int rc = 0;

	if (o->threads)
		rc = jm_ort_check(ort, ort->api->SetIntraOpNumThreads(options, (int)o->threads), "--threads", err);
	if (rc == 0)
		rc = jm_ort_check(ort, ort->api->SetSessionGraphOptimizationLevel(options, levels[o->level]), "level", err);
	if (rc == 0 && o->rewritten_path)
		rc = jm_ort_check(ort, ort->api->SetOptimizedModelFilePath(options, o->rewritten_path), "rewritten model", err);
	if (rc == 0 && o->profile_prefix)
		rc = jm_ort_check(ort, ort->api->EnableProfiling(options, o->profile_prefix), "cannot profile", err);
	return rc ? rc : append_provider(ort, options, o->provider ? o->provider : "cpu", err);
}

/* Adds what would mend it to a refusal of the model. */
static int explain(struct jm_error *err, int rc)
{
	if (!err)
		return rc;
	/* A missing operator comes as "No Op registered for X" (code FAIL or INVALID_GRAPH) or, where the schema is known but no
	 * kernel is there, as NOT_IMPLEMENTED. */
	if (strstr(err->message, "No Op registered") || strstr(err->message, "is not a registered function/op") ||
	    strstr(err->message, "Could not find an implementation")) {
		rc = err->code = JM_E_UNSUPPORTED;
		jm_error_remedy(err, "this ONNX Runtime lacks the operator: take a newer library with --onnxruntime LIB, or export "
				     "the model without it");
	} else if (rc == JM_E_FORMAT) {
		jm_error_remedy(err, "the model file seems damaged or incomplete: fetch or export it again");
	} else if (strstr(err->message, "external") || strstr(err->message, ".data")) {
		jm_error_remedy(err, "the model keeps weights in other files: they must lie beside it");
	}
	return rc;
}

static int load(struct jm_ort_session *s, const struct jm_ort_options *o, struct jm_error *err)
{
	const OrtApi *api = s->ort->api;
	OrtSessionOptions *options = NULL;
	OrtStatus *status;
	int rc = jm_ort_check(s->ort, api->CreateSessionOptions(&options), "ONNX Runtime", err);

	if (rc)
		return rc;
	rc = set_options(s->ort, o, options, err);
	if (rc == 0) {
		status = o->model_bytes
			     ? api->CreateSessionFromArray(s->ort->env, o->model_bytes, o->model_size, options, &s->session)
			     : api->CreateSession(s->ort->env, o->model_path, options, &s->session);
		rc = explain(err, jm_ort_check(s->ort, status, "ONNX Runtime refuses the model", err));
	}
	api->ReleaseSessionOptions(options);
	return rc;
}

static int copy_name(struct jm_ort_session *s, char *theirs, char **out)
{
	*out = strdup(theirs);
	jm_ort_check(s->ort, s->ort->api->AllocatorFree(s->allocator, theirs), "name", NULL);
	return *out ? 0 : JM_E_NOMEM;
}

static int read_tensor_info(struct jm_ort_session *s, const OrtTensorTypeAndShapeInfo *info, struct jm_ort_input *in,
			    struct jm_error *err)
{
	const OrtApi *api = s->ort->api;
	enum ONNXTensorElementDataType type = ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED;
	const char **names = NULL;
	size_t n = 0, i;
	int rc;

	rc = jm_ort_check(s->ort, api->GetTensorElementType(info, &type), "input", err);
	rc = rc ? rc : jm_ort_check(s->ort, api->GetDimensionsCount(info, &n), "input", err);
	if (rc)
		return rc;
	in->dtype = (int)type;
	in->is_tensor = true;
	in->dims = calloc(n + 1, sizeof(*in->dims));
	in->dim_names = calloc(n + 1, sizeof(*in->dim_names));
	names = calloc(n + 1, sizeof(*names));
	if (!in->dims || !in->dim_names || !names) {
		free(names);
		return jm_error_set(err, JM_E_NOMEM, "no memory");
	}
	in->n_dims = n;
	rc = jm_ort_check(s->ort, api->GetDimensions(info, in->dims, n), "input", err);
	rc = rc ? rc : jm_ort_check(s->ort, api->GetSymbolicDimensions(info, names, n), "input", err);
	for (i = 0; i < n && rc == 0; i++) {
		in->dim_names[i] = strdup(names[i] ? names[i] : "");
		rc = in->dim_names[i] ? 0 : jm_error_set(err, JM_E_NOMEM, "no memory");
	}
	free(names);
	return rc;
}

static int read_input(struct jm_ort_session *s, size_t i, struct jm_ort_input *in, struct jm_error *err)
{
	const OrtApi *api = s->ort->api;
	const OrtTensorTypeAndShapeInfo *tensor = NULL;
	OrtTypeInfo *info = NULL;
	char *name = NULL;
	int rc = jm_ort_check(s->ort, api->SessionGetInputName(s->session, i, s->allocator, &name), "input", err);

	rc = rc ? rc : copy_name(s, name, &in->name);
	rc = rc ? rc : jm_ort_check(s->ort, api->SessionGetInputTypeInfo(s->session, i, &info), "input", err);
	if (rc)
		return rc;
	rc = jm_ort_check(s->ort, api->CastTypeInfoToTensorInfo(info, &tensor), "input", err);
	if (rc == 0 && tensor)
		rc = read_tensor_info(s, tensor, in, err);
	api->ReleaseTypeInfo(info);
	return rc;
}

static int read_shape(struct jm_ort_session *s, struct jm_error *err)
{
	const OrtApi *api = s->ort->api;
	char *name = NULL;
	size_t i;
	int rc;

	rc = jm_ort_check(s->ort, api->GetAllocatorWithDefaultOptions(&s->allocator), "ONNX Runtime", err);
	rc = rc ? rc : jm_ort_check(s->ort, api->CreateCpuMemoryInfo(OrtArenaAllocator, OrtMemTypeDefault, &s->memory),
				    "ONNX Runtime", err);
	rc = rc ? rc : jm_ort_check(s->ort, api->SessionGetInputCount(s->session, &s->n_inputs), "inputs", err);
	rc = rc ? rc : jm_ort_check(s->ort, api->SessionGetOutputCount(s->session, &s->n_outputs), "outputs", err);
	if (rc)
		return rc;
	s->inputs = calloc(s->n_inputs + 1, sizeof(*s->inputs));
	s->values = calloc(s->n_inputs + 1, sizeof(*s->values));
	s->outputs = calloc(s->n_outputs + 1, sizeof(*s->outputs));
	s->output_names = calloc(s->n_outputs + 1, sizeof(*s->output_names));
	s->input_names = calloc(s->n_inputs + 1, sizeof(*s->input_names));
	if (!s->inputs || !s->input_names || !s->values || !s->outputs || !s->output_names)
		return jm_error_set(err, JM_E_NOMEM, "no memory");
	for (i = 0; i < s->n_inputs && rc == 0; i++) {
		rc = read_input(s, i, &s->inputs[i], err);
		s->input_names[i] = s->inputs[i].name;
	}
	for (i = 0; i < s->n_outputs && rc == 0; i++) {
		rc = jm_ort_check(s->ort, api->SessionGetOutputName(s->session, i, s->allocator, &name), "output", err);
		rc = rc ? rc : copy_name(s, name, &s->output_names[i]);
	}
	return rc;
}

int jm_ort_session_create(struct jm_ort *ort, const struct jm_ort_options *options, struct jm_ort_session **out,
			  struct jm_error *err)
{
	struct jm_ort_session *s = calloc(1, sizeof(*s));
	int rc;

	if (!s)
		return jm_error_set(err, JM_E_NOMEM, "no memory");
	s->ort = ort;
	rc = load(s, options, err);
	rc = rc ? rc : read_shape(s, err);
	if (rc)
		jm_ort_session_destroy(s);
	else
		*out = s;
	return rc;
}

static void free_input(struct jm_ort_input *in)
{
	size_t i;

	for (i = 0; in->dim_names && i < in->n_dims; i++)
		free(in->dim_names[i]);
	free(in->dim_names);
	free(in->dims);
	free(in->name);
}

void jm_ort_session_destroy(struct jm_ort_session *s)
{
	size_t i;

	if (!s)
		return;
	for (i = 0; s->values && i < s->n_inputs; i++)
		if (s->values[i])
			s->ort->api->ReleaseValue(s->values[i]);
	for (i = 0; s->inputs && i < s->n_inputs; i++)
		free_input(&s->inputs[i]);
	for (i = 0; s->output_names && i < s->n_outputs; i++)
		free(s->output_names[i]);
	free(s->input_names);
	free(s->values);
	free(s->inputs);
	free(s->outputs);
	free(s->output_names);
	if (s->memory)
		s->ort->api->ReleaseMemoryInfo(s->memory);
	if (s->session)
		s->ort->api->ReleaseSession(s->session);
	free(s);
}

const struct jm_ort_input *jm_ort_session_inputs(const struct jm_ort_session *s, size_t *n_out)
{
	*n_out = s->n_inputs;
	return s->inputs;
}

int jm_ort_session_bind(struct jm_ort_session *s, size_t i, const int64_t *dims, void *data, size_t size_bytes,
			struct jm_error *err)
{
	const struct jm_ort_input *in = &s->inputs[i];
	OrtValue *value = NULL;
	int rc = jm_ort_check(s->ort,
			      s->ort->api->CreateTensorWithDataAsOrtValue(s->memory, data, size_bytes, dims, in->n_dims,
									  (enum ONNXTensorElementDataType)in->dtype, &value),
			      in->name, err);

	if (rc)
		return rc;
	if (s->values[i])
		s->ort->api->ReleaseValue(s->values[i]);
	s->values[i] = value;
	return 0;
}

int jm_ort_session_run(struct jm_ort_session *s, struct jm_error *err)
{
	const OrtApi *api = s->ort->api;
	OrtStatus *status = api->Run(s->session, NULL, s->input_names, (const OrtValue *const *)s->values, s->n_inputs,
				     (const char *const *)s->output_names, s->n_outputs, s->outputs);
	size_t i;

	for (i = 0; i < s->n_outputs; i++) {
		if (s->outputs[i])
			api->ReleaseValue(s->outputs[i]);
		s->outputs[i] = NULL;
	}
	return jm_ort_check(s->ort, status, "the inference failed", err);
}

int jm_ort_session_end_profile(struct jm_ort_session *s, char *path, size_t size, struct jm_error *err)
{
	char *theirs = NULL;
	int rc = jm_ort_check(s->ort, s->ort->api->SessionEndProfiling(s->session, s->allocator, &theirs),
			      "the profile cannot be written", err);
	int n;

	if (rc)
		return rc;
	n = snprintf(path, size, "%s", theirs);
	jm_ort_check(s->ort, s->ort->api->AllocatorFree(s->allocator, theirs), "profile", NULL);
	return n > 0 && (size_t)n < size ? 0 : jm_error_set(err, JM_E_INVALID, "the profile's path is too long");
}
