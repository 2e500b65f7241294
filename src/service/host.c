#include "service/http.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

bool jm_http_is_own_host(const char *host, bool is_loopback, const char *further)
{
	unsigned char address[16];
	char name[256];
	size_t n;

	if (!is_loopback)
		return true;
	if (!host)
		return false;
	n = host[0] == '[' ? strcspn(host, "]") + (strchr(host, ']') != NULL) : strcspn(host, ":");
	if (n == 0 || n >= sizeof(name) ||
	    (host[n] && (host[n] != ':' || strspn(host + n + 1, "0123456789") != strlen(host + n + 1))))
		return false;
	snprintf(name, sizeof(name), "%.*s", (int)n, host);
	if (strcasecmp(name, "localhost") == 0 || (further && strcasecmp(name, further) == 0))
		return true;
	if (inet_pton(AF_INET, name, address) == 1)
		return address[0] == 127;
	return strcmp(name, "[::1]") == 0;
}
