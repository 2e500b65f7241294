/* An ONNX Runtime of before interface 12: laid out as onnxruntime_c_api.h says of OrtApiBase. */
#include <stddef.h>
#include <stdint.h>

struct base {
	const void *(*get_api)(uint32_t version);
	const char *(*get_version)(void);
};

const struct base *OrtGetApiBase(void);

static const void *get_api(uint32_t version)
{
	static const char api[4096];

	return version <= 8 ? api : NULL;
}

static const char *get_version(void)
{
	return "1.8.1";
}

__attribute__((visibility("default"))) const struct base *OrtGetApiBase(void)
{
	static const struct base base = {get_api, get_version};

	return &base;
}
