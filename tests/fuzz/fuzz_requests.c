/* What is sent to the service by HTTP: bodies of requests, and the names of hosts. */
#include "fuzz.h"

#include "service/ask.h"
#include "service/http.h"
#include "service/items.h"

#include <stdlib.h>
#include <string.h>

static void check_ask(const char *text, size_t n)
{
	static struct jm_ask ask;
	struct jm_error err = {0};
	int rc = jm_ask_read(text, n, 1000000000, INT64_C(1700000000000000000), &ask, &err);

	if (rc && !err.message[0])
		abort();
	if (rc == 0 && (ask.request.n_pids == 0 || ask.request.n_pids > JM_ASK_PIDS_MAX ||
			ask.request.pids != ask.pids || !memchr(ask.label, '\0', sizeof(ask.label))))
		abort();
}

static void check_items(const char *text, size_t n)
{
	struct jm_items_told told;
	struct jm_error err = {0};
	int rc = jm_items_read(text, n, &told, &err);

	if (rc && !err.message[0])
		abort();
	if (rc == 0 && (!told.count || !memchr(told.item, '\0', sizeof(told.item))))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char *host = malloc(n + 1);

	check_ask((const char *)data, n);
	check_items((const char *)data, n);
	if (!host)
		return 0;
	memcpy(host, data, n);
	host[n] = '\0';
	jm_http_is_own_host(host, true, "power.example");
	free(host);
	return 0;
}
