#include "attribution/response.h"

#include <string.h>

#define TEXT(name, text) text,
static const char *const texts[] = {JM_RESPONSE_LIST(TEXT)};
#undef TEXT
#define N_TEXTS (sizeof(texts) / sizeof(texts[0]))

const char *jm_response_text(enum jm_response_family family)
{
	return (unsigned)family < N_TEXTS ? texts[family] : texts[JM_RESPONSE_UNKNOWN];
}

int jm_response_parse(const char *text, enum jm_response_family *out)
{
	size_t i;

	for (i = 0; i < N_TEXTS; i++) {
		if (strcmp(text, texts[i]) == 0) {
			*out = (enum jm_response_family)i;
			return 0;
		}
	}
	return JM_E_INVALID;
}
