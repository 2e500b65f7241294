/* JSON of any bytes: read token by token, and what was read is of the document. */
#include "fuzz.h"

#include "core/json.h"

#include <stdlib.h>

static void touch(const struct jm_json_token *t)
{
	volatile unsigned sum = 0;
	size_t i;

	for (i = 0; i < t->n; i++)
		sum += (unsigned char)t->text[i];
	(void)sum;
}

/* skip: bit i says whether the i-th value is skipped whole. */
static void read_all(const uint8_t *data, size_t n, uint64_t skip)
{
	struct jm_json *json;
	struct jm_json_token t;
	struct jm_error err = {0};
	double number;
	int rc;

	if (jm_json_open("fuzz", (const char *)data, n, &json, &err))
		return;
	do {
		rc = jm_json_next(json, &t, &err);
		if (rc)
			break;
		if (t.depth > JM_JSON_MAX_DEPTH)
			abort();
		touch(&t);
		if (t.type == JM_JSON_NUMBER)
			jm_json_number(json, &t, &number, NULL);
		if (skip & 1)
			rc = jm_json_skip(json, &t, &err);
		skip = skip >> 1 | skip << 63;
	} while (rc == 0 && t.type != JM_JSON_END);
	if (rc && !err.message[0])
		abort(); /* refused without a word */
	jm_json_close(json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	read_all(data, n, 0);
	read_all(data, n, UINT64_C(0x5a5a5a5a5a5a5a5a));
	return 0;
}
