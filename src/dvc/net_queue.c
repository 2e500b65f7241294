#define _GNU_SOURCE
#include "dvc/net_queue.h"

#include "core/error.h"
#include "core/units.h"
#include "dvc/net_body.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BACKOFF_NS     (200 * JM_NS_PER_MS) /* before the second attempt; doubled before each further one */
#define BACKOFF_MAX_NS (30 * JM_NS_PER_S)
#define LIES_MAX       3 /* times that an object may be other than its name says */
#define POLL_MS        100
#define EMPTY_SHA256   "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

/* A request under way, or one that waits to be tried again. */
struct slot {
	struct queue *queue;
	CURL *easy;
	struct curl_slist *headers;
	struct jm_net_body body;
	struct jm_dvc_move *move; /* NULL: free */
	int attempt, lies;
	int64_t due_ns; /* 0: under way */
	bool has_begun; /* its bytes have */
	bool is_head;
	char says[80]; /* <Code> of an S3 server's answer */
	char answer[400];
	size_t n_answer;
};

struct queue {
	const struct jm_net_access *access;
	enum jm_net_method method;
	const char *remote_name;
	struct jm_dvc_transfer *t;
	CURLM *multi;
	struct slot *slots;
	unsigned n_slots;
	size_t next, n_done;
	struct jm_dvc_worker worker;
	bool no_head; /* the server knows no HEAD: its GET is asked for the first byte */
	int rc;
	struct jm_error *err;
};

static size_t on_received(char *data, size_t size, size_t n, void *ctx)
{
	struct slot *s = ctx;
	long status = 0;

	n *= size;
	curl_easy_getinfo(s->easy, CURLINFO_RESPONSE_CODE, &status);
	if (s->queue->method == JM_NET_GET && (status == 200 || status == 206)) {
		/* The server does not go on where we were: all of it comes. */
		if (!s->has_begun && status == 200 && s->body.from && jm_net_body_restart(&s->body))
			return 0;
		s->has_begun = true;
		return jm_net_body_take(&s->body, data, n);
	}
	if (s->queue->method == JM_NET_HEAD && status < 300)
		return 0; /* enough was seen */
	if (s->n_answer + n < sizeof(s->answer)) {
		memcpy(s->answer + s->n_answer, data, n);
		s->n_answer += n;
	}
	return n;
}

static size_t on_wanted(char *data, size_t size, size_t n, void *ctx)
{
	struct slot *s = ctx;
	ssize_t got = read(s->body.fd, data, size * n);

	return got < 0 ? CURL_READFUNC_ABORT : (size_t)got;
}

static int on_seek(void *ctx, curl_off_t offset, int origin)
{
	struct slot *s = ctx;

	return lseek(s->body.fd, offset, origin) < 0 ? CURL_SEEKFUNC_FAIL : CURL_SEEKFUNC_OK;
}

static void fail(struct queue *q, int rc)
{
	if (!q->rc)
		q->rc = rc;
}

/* What an S3 server gives as the reason, if it is a word. */
static void find_reason(struct slot *s)
{
	const char *code;
	size_t n = 0;

	s->answer[s->n_answer < sizeof(s->answer) ? s->n_answer : sizeof(s->answer) - 1] = '\0';
	code = strstr(s->answer, "<Code>");
	s->says[0] = '\0';
	if (!code)
		return;
	for (code += 6; n < sizeof(s->says) - 1 && isalnum((unsigned char)code[n]); n++)
		s->says[n] = code[n];
	s->says[n] = '\0';
}

static void set_method(struct slot *s, bool is_post)
{
	char range[32];

	switch (s->queue->method) {
	case JM_NET_HEAD:
		if (s->queue->no_head)
			curl_easy_setopt(s->easy, CURLOPT_RANGE, "0-0");
		else
			curl_easy_setopt(s->easy, CURLOPT_NOBODY, 1L);
		break;
	case JM_NET_GET:
		if (s->body.from) {
			snprintf(range, sizeof(range), "%lld-", (long long)s->body.from);
			curl_easy_setopt(s->easy, CURLOPT_RANGE, range);
		}
		break;
	case JM_NET_SEND:
		curl_easy_setopt(s->easy, is_post ? CURLOPT_POST : CURLOPT_UPLOAD, 1L);
		curl_easy_setopt(s->easy, is_post ? CURLOPT_POSTFIELDSIZE_LARGE : CURLOPT_INFILESIZE_LARGE,
				 (curl_off_t)s->body.size);
		curl_easy_setopt(s->easy, CURLOPT_READFUNCTION, on_wanted);
		curl_easy_setopt(s->easy, CURLOPT_READDATA, s);
		curl_easy_setopt(s->easy, CURLOPT_SEEKFUNCTION, on_seek);
		curl_easy_setopt(s->easy, CURLOPT_SEEKDATA, s);
		break;
	}
}

static int open_body(struct slot *s, struct jm_error *err)
{
	struct queue *q = s->queue;

	s->body.cache = q->t->cache;
	s->body.move = s->move;
	s->body.worker = &q->worker;
	if (q->method == JM_NET_SEND)
		return jm_net_body_open_sent(&s->body, q->access->sigv4[0] != '\0', err);
	return q->method == JM_NET_GET ? jm_net_body_open_received(&s->body, err) : 0;
}

static int begin(struct slot *s, struct jm_error *err)
{
	struct queue *q = s->queue;
	char url[sizeof(q->access->base) + 64], content_type[] = "Content-Type: application/octet-stream";
	int rc = open_body(s, err);

	if (rc)
		return rc;
	s->due_ns = 0;
	s->n_answer = 0;
	s->has_begun = false;
	s->is_head = q->method == JM_NET_HEAD && !q->no_head;
	curl_easy_reset(s->easy);
	curl_slist_free_all(s->headers);
	s->headers = q->method == JM_NET_SEND ? curl_slist_append(NULL, content_type) : NULL;
	if (jm_dvc_object_path(q->access->base, &s->move->oid, s->move->is_legacy, url, sizeof(url)))
		return jm_error_set(err, JM_E_INVALID, "the URL of the remote '%s' is too long", q->remote_name);
	curl_easy_setopt(s->easy, CURLOPT_URL, url);
	curl_easy_setopt(s->easy, CURLOPT_PRIVATE, s);
	curl_easy_setopt(s->easy, CURLOPT_WRITEFUNCTION, on_received);
	curl_easy_setopt(s->easy, CURLOPT_WRITEDATA, s);
	set_method(s, q->access->is_post);
	if (jm_net_prepare(s->easy, q->access, q->method == JM_NET_SEND ? s->body.sha256 : EMPTY_SHA256, &s->headers) ||
	    curl_multi_add_handle(q->multi, s->easy))
		return jm_error_set(err, JM_E_NOMEM, "out of memory for a request");
	return 0;
}

static void done(struct slot *s)
{
	struct queue *q = s->queue;
	const struct jm_dvc_progress *p = &q->t->progress;

	s->move = NULL;
	q->n_done++;
	if (!q->rc && p->fn && p->fn(p->ctx, p->what, q->n_done, q->t->n)) {
		jm_error_set(q->err, JM_E_CANCELLED, "stopped after %zu of %zu objects", q->n_done, q->t->n);
		jm_error_remedy(q->err, "run this again to go on");
		fail(q, JM_E_CANCELLED);
	}
}

static void try_again(struct slot *s)
{
	curl_off_t asked_s = 0;
	int64_t wait = BACKOFF_NS << (s->attempt - 1);

	/* What the server asks for, but for no longer than we would wait anyway. */
	if (curl_easy_getinfo(s->easy, CURLINFO_RETRY_AFTER, &asked_s) == CURLE_OK && asked_s > 0 &&
	    asked_s < BACKOFF_MAX_NS / JM_NS_PER_S)
		wait = asked_s * JM_NS_PER_S;
	s->due_ns = jm_now_ns() + (wait < BACKOFF_MAX_NS ? wait : BACKOFF_MAX_NS);
}

static void name_object(const struct slot *s, char *out, size_t size)
{
	snprintf(out, size, "the object %s (%.150s)", s->move->oid.text, s->move->shown);
}

/* A request that did not do what it should: again, or the end. */
static void failed(struct slot *s, CURLcode code, long status)
{
	struct queue *q = s->queue;
	char what[256];

	if (s->is_head && code == CURLE_OK && (status == 405 || status == 501)) {
		q->no_head = true;
		s->due_ns = jm_now_ns();
		return;
	}
	if (q->method == JM_NET_HEAD && q->no_head && status == 416) {
		s->move->is_there = true; /* an empty one has no first byte */
		done(s);
		return;
	}
	if (status == 416 && s->body.from && s->attempt < JM_NET_ATTEMPTS) {
		jm_net_body_close(&s->body, false); /* what we have is no part of it */
		s->due_ns = jm_now_ns();
		s->attempt++;
		return;
	}
	jm_net_body_close(&s->body, q->method == JM_NET_GET && (s->body.size > 0));
	if (jm_net_is_transient(code, status) && s->attempt < JM_NET_ATTEMPTS) {
		try_again(s);
		s->attempt++;
		return;
	}
	find_reason(s);
	name_object(s, what, sizeof(what));
	fail(q, jm_net_error(q->access, q->remote_name, what, q->method == JM_NET_SEND, code, status, s->says, q->err));
	s->move = NULL;
}

static void received(struct slot *s)
{
	struct queue *q = s->queue;
	int rc = jm_net_body_commit(&s->body, q->remote_name, q->rc ? NULL : q->err);

	jm_net_body_close(&s->body, true);
	if (rc == 0) {
		done(s);
	} else if (rc == JM_E_FORMAT && ++s->lies < LIES_MAX) {
		s->due_ns = jm_now_ns(); /* perhaps what we had from before was wrong */
	} else {
		fail(q, rc);
		s->move = NULL;
	}
}

/* The cache could not take what came. */
static bool is_our_fault(struct slot *s)
{
	struct queue *q = s->queue;
	int rc = 0;

	if (q->method != JM_NET_GET)
		return false;
	if (s->body.is_too_large) {
		rc = jm_error_set(
		    q->rc ? NULL : q->err, JM_E_FORMAT,
		    "the remote '%s' gives more for the object %s (%s) than the .dvc file allows; it was thrown away",
		    q->remote_name, s->move->oid.text, s->move->shown);
		jm_error_remedy(q->rc ? NULL : q->err, "push it again from where it is whole");
	} else if (s->body.write_errno) {
		rc = jm_error_errno(q->rc ? NULL : q->err, s->body.write_errno, "cannot write the object %s",
				    s->move->oid.text);
	}
	if (!rc)
		return false;
	jm_net_body_close(&s->body, false);
	fail(q, rc);
	s->move = NULL;
	return true;
}

static void ended(struct slot *s, CURLcode code)
{
	struct queue *q = s->queue;
	long status = 0;

	curl_easy_getinfo(s->easy, CURLINFO_RESPONSE_CODE, &status);
	curl_multi_remove_handle(q->multi, s->easy);
	if (q->method == JM_NET_HEAD && code == CURLE_WRITE_ERROR && status < 300)
		code = CURLE_OK; /* we wanted no more of it */
	if (code == CURLE_WRITE_ERROR && is_our_fault(s))
		return;
	if (code == CURLE_OK && status >= 200 && status < 300) {
		if (q->method == JM_NET_GET) {
			received(s);
			return;
		}
		s->move->is_there = true;
		s->move->is_done = q->method == JM_NET_SEND;
		s->move->size = s->body.size;
		jm_net_body_close(&s->body, true);
		done(s);
	} else if (code == CURLE_OK && (status == 404 || status == 410) && q->method == JM_NET_HEAD) {
		s->move->is_there = false;
		done(s);
	} else {
		failed(s, code, status);
	}
}

/* Begins what is due; says how many requests are under way or wait. */
static unsigned fill(struct queue *q)
{
	unsigned i, n_busy = 0;

	for (i = 0; i < q->n_slots && !q->rc; i++) {
		struct slot *s = &q->slots[i];
		bool is_due = s->move && s->due_ns && s->due_ns <= jm_now_ns();
		int rc = 0;

		if (!s->move && q->next < q->t->n) {
			s->move = &q->t->moves[q->next++];
			s->attempt = 1;
			s->lies = 0;
			is_due = true;
		}
		if (is_due)
			rc = begin(s, q->err);
		if (rc) {
			jm_net_body_close(&s->body, true);
			s->move = NULL;
			fail(q, rc);
		}
		n_busy += s->move != NULL;
	}
	return n_busy;
}

static void loop(struct queue *q)
{
	while (fill(q) && !q->rc) {
		int n_running, n_left;
		CURLMsg *message;

		curl_multi_perform(q->multi, &n_running);
		while ((message = curl_multi_info_read(q->multi, &n_left))) {
			struct slot *s;

			if (message->msg != CURLMSG_DONE)
				continue;
			curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&s);
			ended(s, message->data.result);
		}
		if (q->rc)
			break;
		if (n_running == (int)q->n_slots || q->next == q->t->n || n_running == 0)
			curl_multi_poll(q->multi, NULL, 0, n_running ? POLL_MS : 10, NULL);
		/* A server that does not answer must not keep the user from stopping. */
		if (q->t->progress.fn &&
		    q->t->progress.fn(q->t->progress.ctx, q->t->progress.what, q->n_done, q->t->n) && !q->rc) {
			jm_error_set(q->err, JM_E_CANCELLED, "stopped after %zu of %zu objects", q->n_done, q->t->n);
			jm_error_remedy(q->err, "run this again to go on");
			q->rc = JM_E_CANCELLED;
		}
	}
}

static int open_slots(struct queue *q)
{
	unsigned i;

	q->n_slots = (unsigned)(q->t->n < q->t->jobs ? q->t->n : q->t->jobs);
	q->slots = calloc(q->n_slots, sizeof(*q->slots));
	q->multi = curl_multi_init();
	if (!q->slots || !q->multi || jm_dvc_worker_init(&q->worker))
		return jm_error_set(q->err, JM_E_NOMEM, "out of memory for %u requests", q->n_slots);
	curl_multi_setopt(q->multi, CURLMOPT_MAXCONNECTS, (long)q->n_slots);
	for (i = 0; i < q->n_slots; i++) {
		q->slots[i].queue = q;
		q->slots[i].body.fd = -1;
		q->slots[i].easy = curl_easy_init();
		if (!q->slots[i].easy)
			return jm_error_set(q->err, JM_E_NOMEM, "out of memory for %u requests", q->n_slots);
	}
	return 0;
}

static void close_slots(struct queue *q)
{
	unsigned i;

	for (i = 0; q->slots && i < q->n_slots; i++) {
		struct slot *s = &q->slots[i];

		if (s->easy && q->multi)
			curl_multi_remove_handle(q->multi, s->easy);
		if (s->easy)
			curl_easy_cleanup(s->easy);
		curl_slist_free_all(s->headers);
		if (s->queue)
			jm_net_body_close(&s->body, true);
		jm_dvc_md5_destroy(s->body.md5);
	}
	if (q->multi)
		curl_multi_cleanup(q->multi);
	jm_dvc_worker_finish(&q->worker);
	free(q->slots);
}

int jm_net_run(const struct jm_net_access *access, enum jm_net_method method, const char *remote_name,
	       struct jm_dvc_transfer *t, struct jm_error *err)
{
	struct jm_error own;
	struct queue q = {
	    .access = access, .method = method, .remote_name = remote_name, .t = t, .err = err ? err : &own};

	if (t->n == 0)
		return 0;
	q.rc = open_slots(&q);
	if (!q.rc)
		loop(&q);
	close_slots(&q);
	return q.rc;
}
