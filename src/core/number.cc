#include "core/number.h"

#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstring>

bool jm_number_parse(const char *text, size_t n, double *out)
{
	const char *end = text + n;
	const char *first = text + (n > 0 && text[0] == '-');
	double value;

	/* "inf" and "nan" are numbers to from_chars. */
	if (first == end || !((*first >= '0' && *first <= '9') || *first == '.'))
		return false;
	std::from_chars_result result = std::from_chars(text, end, value);
	if (result.ec != std::errc() || result.ptr != end)
		return false;
	*out = value;
	return true;
}

/* d.ddde+XX */
int jm_number_digits(double value, char *out, int *exponent_out)
{
	char text[32];
	std::to_chars_result result = std::to_chars(text, text + sizeof(text), value, std::chars_format::scientific);
	const char *e = static_cast<const char *>(memchr(text, 'e', size_t(result.ptr - text)));
	int exponent = 0, n = 1;

	for (const char *c = e + 2; c < result.ptr; c++)
		exponent = 10 * exponent + (*c - '0');
	*exponent_out = (e[1] == '-' ? -exponent : exponent) + 1;
	out[0] = text[0];
	if (e > text + 2) {
		n = int(e - text) - 1;
		memcpy(out + 1, text + 2, size_t(n - 1));
	}
	return n;
}
