#include "trace/stamp.h"

#include "core/units.h"

#include <string.h>

#define SECONDS_PER_DAY 86400
/* Years before 1679 and from 2260 on do not fit in ns of 64 bits. */
#define MAX_DAY 106000
/* "YYYYmmdd-HH:MM:" */
#define MINUTE_BYTES 15

/* Days of a civil date; the year begins in March so that the leap day is its last. Source: E. G. Richards, "Calendars",
 * in Explanatory Supplement to the Astronomical Almanac, 3rd ed., 2013. */
int jm_stamp_days(int year, int month, int day, int64_t *out)
{
	static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
	int64_t y = year, m = month;

	if (year < 1 || year > 9999 || month < 1 || month > 12 || day < 1 ||
	    day > lengths[month - 1] + (is_leap && month == 2))
		return JM_E_FORMAT;
	if (m <= 2)
		y--;
	m = (m + 9) % 12;
	*out = 365 * y + y / 4 - y / 100 + y / 400 + (m * 306 + 5) / 10 + day - 1 - 719468;
	return 0;
}

/* Reads exactly n digits; -1 when there is anything else. */
static int digits(const char *text, int n)
{
	int value = 0;

	for (; n > 0; n--, text++) {
		unsigned digit = (unsigned)(unsigned char)*text - '0';

		if (digit > 9)
			return -1;
		value = 10 * value + (int)digit;
	}
	return value;
}

/* Reads HH:MM:SS into seconds of the day; -1 when it is none. */
static int clock_seconds(const char *text)
{
	int h = digits(text, 2), m = digits(text + 3, 2), s = digits(text + 6, 2);

	if (text[2] != ':' || text[5] != ':' || h < 0 || h > 23 || m < 0 || m > 59 || s < 0 || s > 59)
		return -1;
	return (h * 60 + m) * 60 + s;
}

/* Reads ".f", n bytes, right-padded to places digits; -1 when it is none. */
static int64_t fraction(const char *text, size_t n, int places)
{
	int64_t value;

	if (n < 2 || n > (size_t)places + 1 || text[0] != '.')
		return -1;
	value = digits(text + 1, (int)n - 1);
	if (value < 0)
		return -1;
	for (; n < (size_t)places + 1; n++)
		value *= 10;
	return value;
}

/* Reads "YYYYmmdd-HH:MM:" into the cache. */
static int read_minute(struct jm_stamp_cache *cache, const char *text)
{
	int hour = digits(text + 9, 2), minute = digits(text + 12, 2);
	int64_t day;
	int rc = jm_stamp_days(digits(text, 4), digits(text + 4, 2), digits(text + 6, 2), &day);

	if (rc || day < -MAX_DAY || day > MAX_DAY || text[8] != '-' || text[11] != ':' || text[14] != ':' || hour < 0 ||
	    hour > 23 || minute < 0 || minute > 59)
		return JM_E_FORMAT;
	memcpy(cache->minute, text, MINUTE_BYTES);
	cache->minute_us = (day * SECONDS_PER_DAY + (hour * 60 + minute) * 60) * 1000000;
	return 0;
}

int jm_stamp_compact(struct jm_stamp_cache *cache, const char *text, size_t n, int64_t *out_us)
{
	int64_t micro;
	int second;

	if (n < 19)
		return JM_E_FORMAT;
	if (memcmp(cache->minute, text, MINUTE_BYTES) != 0 && read_minute(cache, text))
		return JM_E_FORMAT;
	second = digits(text + 15, 2);
	micro = fraction(text + 17, n - 17, 6);
	if (second < 0 || second > 59 || micro < 0)
		return JM_E_FORMAT;
	*out_us = cache->minute_us + second * 1000000 + micro;
	return 0;
}

/* Reads the date in front, 10 bytes: year first, or month first with slashes. */
static int date_days(const char *text, bool *is_american_out, int64_t *out)
{
	bool is_american = text[2] == '/' && text[5] == '/';

	*is_american_out = is_american;
	if (is_american)
		return jm_stamp_days(digits(text + 6, 4), digits(text, 2), digits(text + 3, 2), out);
	if (text[4] != text[7] || (text[4] != '-' && text[4] != '/'))
		return JM_E_FORMAT;
	return jm_stamp_days(digits(text, 4), digits(text + 5, 2), digits(text + 8, 2), out);
}

int jm_stamp_text(const char *text, size_t n, int64_t *out_ns)
{
	bool is_american;
	int64_t day, nano = 0;
	int seconds;

	if (n < 19 || (text[10] != ' ' && text[10] != 'T') || date_days(text, &is_american, &day))
		return JM_E_FORMAT;
	seconds = clock_seconds(text + 11);
	if (seconds < 0)
		return JM_E_FORMAT;
	text += 19;
	n -= 19;
	if (is_american) {
		int hour = seconds / 3600;

		if (n != 3 || text[0] != ' ' || (text[1] != 'A' && text[1] != 'P') || text[2] != 'M' || hour < 1 ||
		    hour > 12)
			return JM_E_FORMAT;
		seconds += ((text[1] == 'P') * 12 - (hour == 12) * 12) * 3600;
	} else if (n > 0) {
		nano = fraction(text, n, 9);
		if (nano < 0)
			return JM_E_FORMAT;
	}
	if (day < -MAX_DAY || day > MAX_DAY)
		return JM_E_FORMAT;
	*out_ns = (day * SECONDS_PER_DAY + seconds) * JM_NS_PER_S + nano;
	return 0;
}
