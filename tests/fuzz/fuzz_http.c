/* A whole service, sent any bytes over a connection: heads and bodies in pieces, several requests in a row, hangs up. The first byte says
 * how large the pieces are (its low four bits), and whether the service wants a token (0x20). What it answers must be HTTP, JSON where
 * it says so; without the token nothing may be told or begun. */
#define _GNU_SOURCE
#include "fuzz.h"

#include "core/json.h"
#include "service/http_internal.h"
#include "support/tree.h"

#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define TOKEN      "s3cret"
#define RUNS       3 /* of the daemon, for what it does in steps */
#define ANSWER_MAX ((size_t)1 << 20)

static struct tree world;
static struct jm_service service;
static struct jm_http *http;
static char answer[ANSWER_MAX + 1];

static void require(bool is_true, const char *what)
{
	if (is_true)
		return;
	fprintf(stderr, "fuzz_http: %s\n%.2000s\n", what, answer);
	abort();
}

static void remove_world(void)
{
	jm_http_close(http);
	jm_service_close(&service);
	tree_remove(&world);
}

static void open_world(void)
{
	struct jm_service_options options = {
	    .sensors = "estimate:idle=10,max=100",
	    .period_ns = INT64_C(1000000000),
	    .limits = {.max_active = 8, .max_kept = 8, .max_pids = 16, .max_parts = 64}};
	struct jm_http_options listening = {0};
	int pid;

	signal(SIGPIPE, SIG_IGN);
	tree_create(&world);
	tree_write(&world, "/proc/stat", "cpu  0 0 0 1000 0 0 0 0 0 0\ncpu0 0 0 0 1 0\ncpu1 0 0 0 1 0\n");
	tree_write(&world, "/proc/meminfo", "MemTotal: 1000 kB\nMemAvailable: 500 kB\n");
	for (pid = 100; pid < 103; pid++) {
		char path[64];

		snprintf(path, sizeof(path), "/proc/%d/stat", pid);
		tree_printf(&world, path, "%d (p \"\\) S 1 1 1 0 -1 0 0 0 0 0 7 0 0 0 20 0 1 0 %d 4096 100 0\n", pid,
			    pid);
	}
	setenv("JOULEMAP_ROOT", world.root, 1);
	require(jm_service_open(&service, &options, NULL) == 0, "no service");
	require(jm_http_open(&service, &listening, &http, NULL) == 0, "no HTTP");
	atexit(remove_world);
}

static void run(void)
{
	int i;

	for (i = 0; i < RUNS; i++)
		MHD_run(http->daemon);
}

/* Takes what has come; gives whether the connection is still open. */
static bool collect(int fd, size_t *n)
{
	size_t have = *n;
	ssize_t got = 1;

	while (have < ANSWER_MAX && (got = recv(fd, answer + have, ANSWER_MAX - have, MSG_DONTWAIT)) > 0)
		have += (size_t)got;
	*n = have < ANSWER_MAX ? have : ANSWER_MAX;
	answer[*n] = '\0';
	return got != 0;
}

static void send_all(int fd, const uint8_t *data, size_t n, size_t piece, size_t *n_answer)
{
	size_t at = 0;

	while (at < n) {
		ssize_t sent = send(fd, data + at, n - at < piece ? n - at : piece, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (sent < 0 && errno != EAGAIN)
			break;
		at += sent > 0 ? (size_t)sent : 0;
		run();
		if (!collect(fd, n_answer) || *n_answer == ANSWER_MAX)
			break;
	}
	run();
	collect(fd, n_answer);
}

static void check_json(const char *text, size_t n)
{
	struct jm_json *json;
	struct jm_json_token t;
	int rc;

	if (jm_json_open("answer", text, n, &json, NULL))
		return;
	while ((rc = jm_json_next(json, &t, NULL)) == 0 && t.type != JM_JSON_END)
		;
	require(rc == 0, "answers what is no JSON");
	jm_json_close(json);
}

/* The first answer. Those behind it may be cut. */
static void check_answer(size_t n)
{
	const char *body = strstr(answer, "\r\n\r\n"), *length = strstr(answer, "Content-Length: ");
	bool is_json = false;
	size_t n_body;

	if (n == 0)
		return;
	require(strncmp(answer, "HTTP/1.", 7) == 0, "answers what is no HTTP");
	if (!body || !length || length > body)
		return;
	is_json = memmem(answer, (size_t)(body - answer), "application/json", 16) != NULL;
	body += 4;
	if (strncmp(body, "HTTP/1.", 7) == 0) /* the answer to HEAD has none, and the next one follows */
		return;
	n_body = strtoul(length + 16, NULL, 10);
	if (is_json && n_body > 0 && n_body <= n - (size_t)(body - answer))
		check_json(body, n_body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	bool with_token = n && (data[0] & 0x20);
	uint64_t n_before, id;
	size_t n_answer = 0;
	int pair[2];

	if (!http)
		open_world();
	if (n == 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair))
		return 0;
	http->allowance = 1e6; /* what comes too fast is refused: not here */
	snprintf(http->token, sizeof(http->token), "%s", with_token ? TOKEN : "");
	n_before = jm_measurements_n_ever(service.measurements);
	answer[0] = '\0';
	if (MHD_add_connection(http->daemon, pair[0], (struct sockaddr *)&address, sizeof(address)) == MHD_YES)
		send_all(pair[1], data + 1, n - 1, (size_t)1 << (data[0] & 15), &n_answer);
	check_answer(n_answer);
	if (with_token && !memmem(data, n, TOKEN, strlen(TOKEN)))
		require(jm_measurements_n_ever(service.measurements) == n_before && !strstr(answer, "{\"measurements\":["),
			"begins or tells something without the token");
	close(pair[1]);
	for (id = n_before; id <= jm_measurements_n_ever(service.measurements); id++)
		jm_measurements_stop(service.measurements, id, jm_now_ns());
	if (http->streams) {
		http->streamed_ns = 0;
		jm_http_streams_tick(http, 0);
	}
	run();
	return 0;
}
