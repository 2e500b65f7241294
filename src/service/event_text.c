/* Times and UUIDs as events write them; names of faults. */
#include "service/event_message.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define NS_PER_S INT64_C(1000000000)

const char *jm_event_fault_text(enum jm_event_fault fault)
{
#define JM_TEXT(name, text) text,
	static const char *const texts[] = {JM_EVENT_FAULT_LIST(JM_TEXT)};
#undef JM_TEXT

	return (unsigned)fault < JM_N_EVENT_FAULTS ? texts[fault] : "unknown";
}

/* Days from 1970-01-01 in the Gregorian calendar; years are counted from March, so that leap days end them. */
static int64_t days_since_1970(int year, int month, int day)
{
	int y = month <= 2 ? year - 1 : year;
	int era = y / 400, of_era = y % 400;
	int of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;

	return (int64_t)era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static int days_in_month(int year, int month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return days[month - 1] + (month == 2 && is_leap);
}

/* Takes exactly n digits from the front. */
static bool take_digits(const char **text, const char *end, int n, int *out)
{
	*out = 0;
	if (end - *text < n)
		return false;
	for (; n > 0; n--, (*text)++) {
		if (**text < '0' || **text > '9')
			return false;
		*out = *out * 10 + (**text - '0');
	}
	return true;
}

static bool take(const char **text, const char *end, const char *any_of)
{
	if (*text == end || **text == '\0' || !strchr(any_of, **text))
		return false;
	(*text)++;
	return true;
}

static bool take_fraction(const char **text, const char *end, int64_t *ns)
{
	int64_t unit = NS_PER_S / 10;

	*ns = 0;
	if (!take(text, end, "."))
		return true;
	if (*text == end || !isdigit((unsigned char)**text))
		return false;
	for (; *text < end && isdigit((unsigned char)**text); (*text)++, unit /= 10) {
		if (unit == 0)
			return false;
		*ns += (**text - '0') * unit;
	}
	return true;
}

static bool take_offset(const char **text, const char *end, int64_t *seconds)
{
	int hours, minutes, sign;

	*seconds = 0;
	if (*text == end || take(text, end, "Zz"))
		return true;
	sign = **text == '-' ? -1 : 1;
	if (!take(text, end, "+-") || !take_digits(text, end, 2, &hours) || !take(text, end, ":") ||
	    !take_digits(text, end, 2, &minutes) || hours > 23 || minutes > 59)
		return false;
	*seconds = sign * (hours * INT64_C(3600) + minutes * INT64_C(60));
	return true;
}

int jm_event_time_parse(const char *text, size_t n, int64_t *out)
{
	const char *end = text + n;
	int year, month, day, hour, minute, second;
	int64_t ns, offset_s;

	if (!take_digits(&text, end, 4, &year) || !take(&text, end, "-") || !take_digits(&text, end, 2, &month) ||
	    !take(&text, end, "-") || !take_digits(&text, end, 2, &day) || !take(&text, end, "Tt ") ||
	    !take_digits(&text, end, 2, &hour) || !take(&text, end, ":") || !take_digits(&text, end, 2, &minute) ||
	    !take(&text, end, ":") || !take_digits(&text, end, 2, &second) || !take_fraction(&text, end, &ns) ||
	    !take_offset(&text, end, &offset_s) || text != end)
		return JM_E_FORMAT;
	/* Outside of these years nanoseconds do not fit 64 bits. Second 60: a leap second. */
	if (year < 1970 || year > 2200 || month < 1 || month > 12 || day < 1 || day > days_in_month(year, month) ||
	    hour > 23 || minute > 59 || second > 60)
		return JM_E_FORMAT;
	*out =
	    (days_since_1970(year, month, day) * 86400 + hour * 3600 + minute * 60 + second - offset_s) * NS_PER_S + ns;
	return 0;
}

char *jm_event_time_text(int64_t realtime_ns, char *out)
{
	time_t seconds = (time_t)(realtime_ns / NS_PER_S);
	struct tm tm;

	gmtime_r(&seconds, &tm);
	snprintf(out, JM_EVENT_TIME_SIZE, "%04d-%02d-%02dT%02d:%02d:%02d.%06d+00:00", (tm.tm_year + 1900) % 10000,
		 tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, (int)(realtime_ns % NS_PER_S / 1000));
	return out;
}

int jm_event_uuid_parse(const char *text, size_t n, char out[JM_EVENT_UUID_SIZE])
{
	static const char urn[] = "urn:uuid:";
	char digits[32];
	size_t i, at = 0, n_digits = 0;
	bool has_hyphens;

	if (n == 38 && text[0] == '{' && text[37] == '}') {
		text++;
		n -= 2;
	} else if (n == 45 && strncasecmp(text, urn, sizeof(urn) - 1) == 0) {
		text += sizeof(urn) - 1;
		n -= sizeof(urn) - 1;
	}
	has_hyphens = n == 36;
	if (n != 32 && !has_hyphens)
		return JM_E_FORMAT;
	for (i = 0; i < n; i++) {
		if (has_hyphens && (i == 8 || i == 13 || i == 18 || i == 23)) {
			if (text[i] != '-')
				return JM_E_FORMAT;
		} else if (!isxdigit((unsigned char)text[i])) {
			return JM_E_FORMAT;
		} else {
			digits[n_digits++] = (char)tolower((unsigned char)text[i]);
		}
	}
	for (i = 0; i < 32; i++) {
		if (i == 8 || i == 12 || i == 16 || i == 20)
			out[at++] = '-';
		out[at++] = digits[i];
	}
	out[at] = '\0';
	return 0;
}
