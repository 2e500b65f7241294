#include "core/decimal.h"

#include <stdbool.h>
#include <string.h>

#define PLACES_BITS 6
/* 17 digits are enough for any double. */
#define MAX_DIGITS UINT64_C(99999999999999999)
#define MAX_PLACES 19u
/* Below it the shortest text has an exponent. */
#define MIN_PLAIN 1e-4
/* Up to here neighbouring doubles are at most 1 apart, and an integer is its own shortest text. */
#define MAX_PLAIN 9007199254740992.0
/* A double tells all decimals of 15 digits apart (DBL_DIG): none of them has a shorter one beside it. */
#define SAFE_DIGITS UINT64_C(999999999999999)

#define FOUR_TENS(x) (x), (x)*10u, (x)*100u, (x)*1000u
static const uint64_t tens[MAX_PLACES + 1] = {FOUR_TENS(UINT64_C(1)), FOUR_TENS(UINT64_C(10000)),
					      FOUR_TENS(UINT64_C(100000000)), FOUR_TENS(UINT64_C(1000000000000)),
					      FOUR_TENS(UINT64_C(10000000000000000))};

#ifdef __SIZEOF_INT128__
__extension__ typedef __int128 wide;

static wide distance(wide a, wide b)
{
	return a > b ? a - b : b - a;
}

/* Makes value, at most one double off, the one nearest to digits * 10^-places, and says whether no shorter decimal, and
 * none of as many digits that is nearer, stands for it. In units of 10^-places 2^-shift all is an integer: the double
 * f 2^e is f 5^places, and the gap between two of them 5^places. Ties and neighbours of a power of two count as no. */
static bool settle(uint64_t digits, unsigned places, double *value)
{
	const uint64_t mask = (UINT64_C(1) << 52) - 1;
	wide gap = (wide)(tens[places] >> places), exact, text, shorter;
	uint64_t bits;
	int shift;

	memcpy(&bits, value, sizeof(bits));
	shift = 1075 - (int)(bits >> 52) - (int)places;
	if (shift < 1 || shift > 64 || (bits & mask) == 0 || (bits & mask) == mask)
		return false;
	exact = (wide)((bits & mask) | (mask + 1)) * gap;
	text = (wide)digits << shift;
	if (2 * (text - exact) > gap) {
		exact += gap;
		bits++;
	} else if (2 * (exact - text) > gap) {
		exact -= gap;
		bits--;
	}
	if (2 * distance(text, exact) >= gap || 2 * distance(text, exact) >= (wide)1 << shift)
		return false;
	shorter = (wide)(digits - digits % 10) << shift;
	if (2 * distance(shorter, exact) <= gap || 2 * distance(shorter + ((wide)10 << shift), exact) <= gap)
		return false;
	memcpy(value, &bits, sizeof(bits));
	return true;
}
#else
static bool settle(uint64_t digits, unsigned places, double *value)
{
	(void)digits, (void)places, (void)value;
	return false;
}
#endif

/* Reads 8 digits at once; false when there are others among them. The arithmetic works on all bytes of a word:
 * Daniel Lemire, "Quickly parsing eight digits", 2018. */
static bool eight_digits(const char *text, uint64_t *out)
{
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	const uint64_t zeros = UINT64_C(0x3030303030303030), high = UINT64_C(0xf0f0f0f0f0f0f0f0);
	const uint64_t mask = UINT64_C(0x000000ff000000ff);
	uint64_t v;

	memcpy(&v, text, sizeof(v));
	if ((v & high) != zeros || ((v + UINT64_C(0x0606060606060606)) & high) != zeros)
		return false;
	v = (v & ~high) * 10 + ((v & ~high) >> 8);
	v = (v & mask) * (100 + (UINT64_C(1000000) << 32)) + ((v >> 16) & mask) * (1 + (UINT64_C(10000) << 32));
	*out = v >> 32;
	return true;
#else
	(void)text, (void)out;
	return false;
#endif
}

/* Reads the digits of [at, end) behind those of *digits, which stay below 10^17. Gives what follows. */
static const char *read_digits(const char *at, const char *end, uint64_t *digits)
{
	uint64_t eight;
	unsigned digit;

	while (end - at >= 8 && *digits <= MAX_DIGITS / 100000000 && eight_digits(at, &eight)) {
		*digits = *digits * 100000000 + eight;
		at += 8;
	}
	for (; at < end && *digits <= MAX_DIGITS / 10 && (digit = (unsigned)(unsigned char)*at - '0') <= 9; at++)
		*digits = 10 * *digits + digit;
	return at;
}

static bool is_digit(const char *at, const char *end)
{
	return at < end && *at >= '0' && *at <= '9';
}

/* Reads "12.5" as 125 and 1, "12" as 120 and 1. Gives what follows; NULL for what is not written like that, or is too
 * long. */
static const char *scan(const char *text, const char *end, uint64_t *digits, unsigned *places)
{
	const char *at, *point;

	*digits = 0;
	point = at = read_digits(text, end, digits);
	if (at == text || is_digit(at, end) || (*text == '0' && at > text + 1) || *digits > SAFE_DIGITS)
		return NULL;
	if (at + 1 < end && *at == '.')
		at = read_digits(at + 1, end, digits);
	if (at <= point + 1) {
		*digits *= 10;
		*places = 1;
		return point;
	}
	*places = (unsigned)(at - point - 1);
	return at - point - 1 > (ptrdiff_t)MAX_PLACES || is_digit(at, end) ? NULL : at;
}

jm_decimal jm_decimal_read(const char *text, const char *end, double *value_out, const char **after_out)
{
	const char *after;
	uint64_t digits;
	unsigned places;
	double value;

	after = scan(text, end, &digits, &places);
	if (!after)
		return 0;
	value =
	    (double)digits / (double)tens[places]; /* nearest when digits < 2^53; else it may be the one beside it */
	if (digits == 0 ? places != 1 : value < MIN_PLAIN || value >= MAX_PLAIN)
		return 0;
	if (digits % 10 == 0 && (places > 1 || digits > SAFE_DIGITS)) /* a zero too many, or not exact in between */
		return 0;
	if (digits % 10 != 0 && digits > SAFE_DIGITS && !settle(digits, places, &value))
		return 0;
	*value_out = value;
	*after_out = after;
	return digits << PLACES_BITS | places;
}

/* Writes 8 digits; the parts of a word are divided by 100, then by 10, all at once (multiply and shift: exact for what
 * is below 10000 and 100). */
static void put_eight(uint64_t value, char *out)
{
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	uint64_t v = value / 10000 | value % 10000 << 32, high;

	high = (v * 10486) >> 20 & UINT64_C(0x0000007f0000007f);
	v = high | (v - 100 * high) << 16;
	high = (v * 103) >> 10 & UINT64_C(0x000f000f000f000f);
	v = high | (v - 10 * high) << 8;
	v |= UINT64_C(0x3030303030303030);
	memcpy(out, &v, sizeof(v));
#else
	int i;

	for (i = 7; i >= 0; i--, value /= 10)
		out[i] = (char)('0' + value % 10);
#endif
}

/* Writes the last n digits of value. */
static void put(uint64_t value, unsigned n, char *out)
{
	for (; n >= 8; n -= 8, value /= 100000000)
		put_eight(value % 100000000, out + n - 8);
	for (; n > 0; n--, value /= 10)
		out[n - 1] = (char)('0' + value % 10);
}

size_t jm_decimal_write(jm_decimal decimal, char *out)
{
	uint64_t digits = decimal >> PLACES_BITS, whole = 0;
	unsigned places = (unsigned)(decimal & ((1u << PLACES_BITS) - 1)), n = 1;

	if (digits >= tens[places]) {
		whole = digits / tens[places];
		digits %= tens[places];
		while (whole >= tens[n])
			n++;
	}
	put(whole, n, out);
	out[n++] = '.';
	put(digits, places, out + n);
	return n + places;
}
