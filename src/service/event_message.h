/* Events of the camera-traps engine: bytes in, a checked struct out, and back. A message is a prefix of two bytes and a FlatBuffers
 * buffer (events.fbs). Everything may come from the network: no offset is followed before it was verified. */
#ifndef SERVICE_EVENT_MESSAGE_H
#define SERVICE_EVENT_MESSAGE_H

#ifdef __cplusplus
extern "C" {
#endif

#include "core/text.h"

/* X(name, first byte of the prefix, tag of the union); the second byte is 0. */
#define JM_EVENT_LIST(X)                                                                                               \
	X(NEW_IMAGE, 0x01, 1)                                                                                          \
	X(IMAGE_RECEIVED, 0x02, 2)                                                                                     \
	X(IMAGE_SCORED, 0x03, 3)                                                                                       \
	X(IMAGE_STORED, 0x04, 4)                                                                                       \
	X(IMAGE_DELETED, 0x05, 5)                                                                                      \
	X(PLUGIN_STARTED, 0x10, 6)                                                                                     \
	X(PLUGIN_TERMINATING, 0x11, 7)                                                                                 \
	X(PLUGIN_TERMINATE, 0x12, 8)                                                                                   \
	X(POWER_START, 0x20, 9)                                                                                        \
	X(POWER_STOP, 0x21, 10)
#define JM_ENUM(name, prefix, tag) JM_EVENT_##name = (prefix),
enum jm_event_kind { JM_EVENT_LIST(JM_ENUM) };
#undef JM_ENUM

/* Why a message was refused: X(name, text). */
#define JM_EVENT_FAULT_LIST(X)                                                                                         \
	X(NONE, "none")                                                                                                \
	X(SHORT, "too short")                                                                                          \
	X(LONG, "too long")                                                                                            \
	X(PREFIX, "unknown prefix")                                                                                    \
	X(BUFFER, "damaged buffer")                                                                                    \
	X(TAG, "prefix and event differ")                                                                              \
	X(FIELD, "field missing")                                                                                      \
	X(EMPTY, "empty list")                                                                                         \
	X(LIMIT, "list too long")                                                                                      \
	X(PID, "no process id")                                                                                        \
	X(TYPE, "unknown monitor type")                                                                                \
	X(TIME, "start time unreadable")                                                                               \
	X(TEXT, "text too long or not UTF-8")                                                                          \
	X(UUID, "uuid unreadable")
#define JM_ENUM(name, text) JM_EVENT_FAULT_##name,
enum jm_event_fault { JM_EVENT_FAULT_LIST(JM_ENUM) JM_N_EVENT_FAULTS };
#undef JM_ENUM
const char *jm_event_fault_text(enum jm_event_fault fault);

#define JM_EVENT_MAX_BYTES (1u << 20)
#define JM_EVENT_MAX_PIDS  4096u
#define JM_EVENT_MAX_TYPES 64u
#define JM_EVENT_UUID_SIZE 37

struct jm_event {
	enum jm_event_kind kind; /* of one about images, nothing else is filled */
	/* POWER_START, POWER_STOP */
	size_t n_pids;
	int64_t pids[JM_EVENT_MAX_PIDS];
	/* POWER_START */
	unsigned devices;          /* JM_DEVICE_BIT (measurement.h) */
	int64_t start_realtime_ns; /* since 1970; 0: now */
	uint32_t seconds;          /* 0: until stopped */
	/* PLUGIN_*: of the plugin, or of the one that is meant */
	char name[128];
	char uuid[JM_EVENT_UUID_SIZE]; /* lower case */
};

/* Says whether this build knows events (FlatBuffers and ZeroMQ). Errors: JM_E_UNSUPPORTED, with the remedy. */
int jm_event_support(struct jm_error *err);

/* Checks and reads a message of n bytes, at any alignment. *out is big: not for the stack of small threads; on failure its content
 * is undefined. Gives why it was refused. No memory is kept. */
enum jm_event_fault jm_event_decode(const void *data, size_t n, struct jm_event *out);

/* Appends the message of an event about plugins or power to out, created at realtime_ns. Errors: JM_E_INVALID, JM_E_NOMEM,
 * JM_E_UNSUPPORTED. */
int jm_event_encode(const struct jm_event *event, int64_t realtime_ns, struct jm_buffer *out);

/* Reads n bytes of RFC 3339, with an offset, or without one as Python's isoformat writes UTC; up to 9 digits of a second.
 * out: ns since 1970. Errors: JM_E_FORMAT. */
int jm_event_time_parse(const char *text, size_t n, int64_t *out);
/* Writes "2030-01-02T03:04:05.000006+00:00". out: at least JM_EVENT_TIME_SIZE bytes. Gives out. */
#define JM_EVENT_TIME_SIZE 48
char *jm_event_time_text(int64_t realtime_ns, char *out);

/* Brings the text of a UUID (n bytes; with hyphens, without, in braces, or with "urn:uuid:") to lower case with hyphens.
 * Errors: JM_E_FORMAT. */
int jm_event_uuid_parse(const char *text, size_t n, char out[JM_EVENT_UUID_SIZE]);

#ifdef __cplusplus
}
#endif
#endif
