/* Numbers and durations of any bytes: what one reader takes, the others take for the same number. */
#include "fuzz.h"

#include "core/decimal.h"
#include "core/text.h"
#include "export/tariff.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void check_decimal(const char *text, size_t n)
{
	const char *after;
	double quick, slow;
	char again[32];
	jm_decimal decimal = jm_decimal_read(text, text + n, &quick, &after);

	if (!decimal)
		return;
	if (after < text || after > text + n || jm_text_double(text, (size_t)(after - text), &slow) || quick != slow)
		abort();
	if (jm_decimal_write(decimal, again) >= sizeof(again))
		abort();
}

static void check_integers(const char *text, size_t n)
{
	int64_t number, fixed;
	uint64_t magnitude;

	if (jm_text_i64(text, n, &number))
		return;
	if (number >= 0 && text[0] != '-' && (jm_text_u64(text, n, &magnitude) || magnitude != (uint64_t)number))
		abort();
	if (jm_text_fixed(text, n, 0, &fixed) == 0 && fixed != number)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char *text = malloc(n + 1), shortest[32];
	struct jm_tariff tariff;
	double value, back;
	int64_t ns;

	if (!text)
		return 0;
	memcpy(text, data, n);
	text[n] = '\0';
	check_integers(text, n);
	check_decimal(text, n);
	if (jm_text_double(text, n, &value) == 0) {
		size_t length = jm_text_shortest(value, shortest);

		if (!isfinite(value) || length >= sizeof(shortest) || jm_text_double(shortest, length, &back) ||
		    back != value)
			abort();
	}
	if (jm_text_duration_ns(text, &ns) == 0 && ns < 0)
		abort();
	jm_tariff_parse(text, text, &tariff, NULL);
	free(text);
	return 0;
}
