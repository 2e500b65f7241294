/* Stands in for event_flatbuffers.cc and zeromq.c where their libraries were missing at build time. */
#include "core/error.h"
#include "service/event_link.h"
#include "service/event_message.h"

int jm_event_support(struct jm_error *err)
{
	jm_error_set(err, JM_E_UNSUPPORTED,
		     "this joulemap was built without ZeroMQ and FlatBuffers: it takes no events");
	return jm_error_remedy(err,
			       "apt-get install libzmq3-dev libflatbuffers-dev flatbuffers-compiler, and build again");
}

enum jm_event_fault jm_event_decode(const void *data, size_t n, struct jm_event *out)
{
	(void)data;
	(void)n;
	(void)out;
	return JM_EVENT_FAULT_BUFFER;
}

int jm_event_encode(const struct jm_event *event, int64_t realtime_ns, struct jm_buffer *out)
{
	(void)event;
	(void)realtime_ns;
	(void)out;
	return JM_E_UNSUPPORTED;
}

int jm_event_link_open(const struct jm_event_link_options *options, struct jm_event_link **out, struct jm_error *err)
{
	(void)options;
	(void)out;
	return jm_event_support(err);
}

int jm_event_link_fd(const struct jm_event_link *link)
{
	(void)link;
	return -1;
}

int64_t jm_event_link_due_ns(const struct jm_event_link *link)
{
	(void)link;
	return INT64_MAX;
}

void jm_event_link_work(struct jm_event_link *link, int64_t now_ns)
{
	(void)link;
	(void)now_ns;
}

int jm_event_link_hello(struct jm_event_link *link, const void *data, size_t n)
{
	(void)link;
	(void)data;
	(void)n;
	return JM_E_UNSUPPORTED;
}

int jm_event_link_send(struct jm_event_link *link, const void *data, size_t n)
{
	(void)link;
	(void)data;
	(void)n;
	return JM_E_UNSUPPORTED;
}

void jm_event_link_hold(struct jm_event_link *link)
{
	(void)link;
}

void jm_event_link_quit(struct jm_event_link *link)
{
	(void)link;
}

bool jm_event_link_is_done(const struct jm_event_link *link)
{
	(void)link;
	return true;
}

void jm_event_link_stats(const struct jm_event_link *link, struct jm_event_link_stats *out)
{
	(void)link;
	*out = (struct jm_event_link_stats){0};
}

void jm_event_link_close(struct jm_event_link *link, int timeout_ms)
{
	(void)link;
	(void)timeout_ms;
}

int jm_event_publish_once(const char *address, const void *data, size_t n, int timeout_ms, struct jm_error *err)
{
	(void)address;
	(void)data;
	(void)n;
	(void)timeout_ms;
	return jm_event_support(err);
}
