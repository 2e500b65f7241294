/* What joulemap ask is answered, by whatever listens there: the answer's head, its figures, and the address that the user gave. */
#include "fuzz.h"

#include "cli/ask_answer.h"
#include "cli/http_get.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void take(void *ctx, const struct jm_answer_row *row)
{
	size_t i;

	(void)ctx;
	if (!memchr(row->name, '\0', sizeof(row->name)) || row->pid < 0)
		abort();
	for (i = 0; i < JM_ANSWER_DEVICES; i++)
		if (row->devices[i].is_known &&
		    (!isfinite(row->devices[i].energy_j) || !isfinite(row->devices[i].power_w)))
			abort();
}

static void check_body(const char *text, size_t n)
{
	struct jm_own_cost cost;
	struct jm_error err = {0};
	char member[16];
	int rc = jm_answer_rows(text, n, take, NULL, &cost, &err);

	if (rc && !err.message[0])
		abort();
	memset(&err, 0, sizeof(err));
	rc = jm_answer_member(text, n, "state", member, sizeof(member), &err);
	if (rc ? !err.message[0] : !memchr(member, '\0', sizeof(member)))
		abort();
}

static void check_address(const char *text)
{
	struct jm_http_peer peer = {{0}, {0}, NULL};
	struct jm_error err = {0};
	int rc = jm_http_peer_parse(text, "7373", &peer, &err);

	if (rc && !err.message[0])
		abort();
	if (rc == 0 && (!peer.host[0] || strspn(peer.port, "0123456789") != strlen(peer.port)))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const char *body;
	char *text = malloc(n + 1);
	int status;

	if (!text)
		return 0;
	if (n)
		memcpy(text, data, n);
	text[n] = '\0';
	check_body(text, n);
	check_address(text);
	if (jm_http_answer_parse(text, &status, &body) == 0) {
		if (status < 0 || status > 999 || body < text || body > text + n)
			abort();
		check_body(body, strlen(body));
	}
	free(text);
	return 0;
}
