/* In place of HTTP where libmicrohttpd is missing. */
#include "service/http.h"

#include "core/error.h"

struct jm_http {
	int unused;
};

int jm_http_open(struct jm_service *s, const struct jm_http_options *options, struct jm_http **out,
		 struct jm_error *err)
{
	(void)s;
	(void)options;
	(void)out;
	jm_error_set(err, JM_E_UNSUPPORTED, "this joulemap was built without libmicrohttpd, which the service needs");
	return jm_error_remedy(err, "install libmicrohttpd-dev (scripts/setup build) and build again");
}

void jm_http_close(struct jm_http *http)
{
	(void)http;
}

uint16_t jm_http_port(const struct jm_http *http)
{
	(void)http;
	return 0;
}
