/* The receiving end of NVTX, whose header loads the library that NVTX_INJECTION64_PATH names and asks it to fill tables of
 * functions. Numbers and layouts: NVTX 3 (github.com/NVIDIA/NVTX, nvtxDetail/nvtxTypes.h and nvToolsExt.h), unchanged since
 * version 2. Received here and not by CUPTI, as ranges have to meet the launches inside of them (ranges.c). */
#define _GNU_SOURCE
#include "cuda.h"

#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#define TABLE_CALLBACKS 1 /* NVTX_ETID_CALLBACKS */
#define MODULE_CORE     1
#define MODULE_CORE2    5

/* Functions of the two modules, by their numbers. */
enum {
	RANGE_START_EX = 4,
	RANGE_START_A,
	RANGE_START_W,
	RANGE_END,
	RANGE_PUSH_EX,
	RANGE_PUSH_A,
	RANGE_PUSH_W,
	RANGE_POP
};
enum {
	DOMAIN_RANGE_START_EX = 2,
	DOMAIN_RANGE_END,
	DOMAIN_RANGE_PUSH_EX,
	DOMAIN_RANGE_POP,
	DOMAIN_REGISTER_STRING_A = 10,
	DOMAIN_REGISTER_STRING_W,
	DOMAIN_CREATE_A,
	DOMAIN_CREATE_W
};

typedef void (*nvtx_function)(void);

struct nvtx_callbacks { /* NvtxExportTableCallbacks */
	size_t size;
	int (*module)(int module, nvtx_function ***table, unsigned *n);
};

struct nvtx_attributes { /* nvtxEventAttributes_t */
	uint16_t version, size;
	uint32_t category;
	int32_t colour_type;
	uint32_t colour;
	int32_t payload_type, reserved;
	uint64_t payload;
	int32_t message_type;
	const void *message;
};

enum { MESSAGE_ASCII = 1, MESSAGE_UNICODE, MESSAGE_REGISTERED };

struct domain {
	bool is_library; /* a library's own ranges: they would hide the program's */
};

/* Libraries that describe themselves as soon as a tool listens: CUB and Thrust, and the collectives. */
static const char *const library_domains[] = {"CCCL", "NCCL"};

#define NAME_MAX_BYTES 1024

/* UTF-32 to UTF-8, cut to size. */
static void narrow(const wchar_t *from, char *out, size_t size)
{
	size_t n = 0;

	for (; from && *from && n + 5 < size; from++) {
		uint32_t c = (uint32_t)*from;

		if (c < 0x80) {
			out[n++] = (char)c;
			continue;
		}
		if (c >= 0x10000)
			out[n++] = (char)(0xf0 | (c >> 18 & 7));
		if (c >= 0x800)
			out[n++] = (char)((c >= 0x10000 ? 0x80 : 0xe0) | (c >> 12 & (c >= 0x10000 ? 0x3f : 0xf)));
		out[n++] = (char)((c >= 0x800 ? 0x80 : 0xc0) | (c >> 6 & (c >= 0x800 ? 0x3f : 0x1f)));
		out[n++] = (char)(0x80 | (c & 0x3f));
	}
	out[n] = '\0';
}

/* Gives the text of a range's message. room: NAME_MAX_BYTES. */
static const char *text_of(const struct nvtx_attributes *a, char *room)
{
	if (!a || a->size < sizeof(*a) || !a->message)
		return "";
	switch (a->message_type) {
	case MESSAGE_ASCII:
	case MESSAGE_REGISTERED: /* the handle is our own copy of the text */
		return a->message;
	case MESSAGE_UNICODE:
		narrow(a->message, room, NAME_MAX_BYTES);
		return room;
	default:
		return "";
	}
}

static bool is_heard(const struct domain *domain)
{
	return !domain || !domain->is_library;
}

static int domain_push_ex(struct domain *domain, const struct nvtx_attributes *a)
{
	char room[NAME_MAX_BYTES];

	if (is_heard(domain))
		jm_ranges_push(domain, text_of(a, room));
	return 0;
}

static int domain_pop(struct domain *domain)
{
	if (is_heard(domain))
		jm_ranges_pop(domain);
	return 0;
}

static uint64_t domain_start_ex(struct domain *domain, const struct nvtx_attributes *a)
{
	char room[NAME_MAX_BYTES];

	return is_heard(domain) ? jm_ranges_start(text_of(a, room)) : 0;
}

static void domain_end(struct domain *domain, uint64_t id)
{
	(void)domain;
	jm_ranges_end(id);
}

static int push_ex(const struct nvtx_attributes *a)
{
	return domain_push_ex(NULL, a);
}

static int push_a(const char *text)
{
	jm_ranges_push(NULL, text);
	return 0;
}

static int push_w(const wchar_t *text)
{
	char room[NAME_MAX_BYTES];

	narrow(text, room, sizeof(room));
	jm_ranges_push(NULL, room);
	return 0;
}

static int pop(void)
{
	jm_ranges_pop(NULL);
	return 0;
}

static uint64_t start_ex(const struct nvtx_attributes *a)
{
	return domain_start_ex(NULL, a);
}

static uint64_t start_a(const char *text)
{
	return jm_ranges_start(text);
}

static uint64_t start_w(const wchar_t *text)
{
	char room[NAME_MAX_BYTES];

	narrow(text, room, sizeof(room));
	return jm_ranges_start(room);
}

static void end(uint64_t id)
{
	jm_ranges_end(id);
}

/* Registered texts and domains are few, and valid until the process ends. */
static void *register_a(struct domain *domain, const char *text)
{
	(void)domain;
	return strdup(text ? text : "");
}

static void *register_w(struct domain *domain, const wchar_t *text)
{
	char room[NAME_MAX_BYTES];

	narrow(text, room, sizeof(room));
	return register_a(domain, room);
}

static struct domain *create_a(const char *name)
{
	struct domain *domain = calloc(1, sizeof(*domain));
	size_t i;

	for (i = 0; domain && name && i < sizeof(library_domains) / sizeof(library_domains[0]); i++)
		if (strcmp(name, library_domains[i]) == 0)
			domain->is_library = true;
	return domain;
}

static struct domain *create_w(const wchar_t *name)
{
	char room[NAME_MAX_BYTES];

	narrow(name, room, sizeof(room));
	return create_a(room);
}

static void set(nvtx_function **table, unsigned n, unsigned i, nvtx_function function)
{
	if (i < n && table[i])
		*table[i] = function;
}

#define SET(i, function) set(table, n, i, (nvtx_function)(function))

int InitializeInjectionNvtx2(const void *(*export_table)(uint32_t id))
{
	const struct nvtx_callbacks *callbacks = export_table ? export_table(TABLE_CALLBACKS) : NULL;
	nvtx_function **table;
	unsigned n;

	if (!callbacks || callbacks->size < sizeof(*callbacks))
		return 0;
	jm_cuda_start_by_environment();
	if (callbacks->module(MODULE_CORE, &table, &n)) {
		SET(RANGE_START_EX, start_ex);
		SET(RANGE_START_A, start_a);
		SET(RANGE_START_W, start_w);
		SET(RANGE_END, end);
		SET(RANGE_PUSH_EX, push_ex);
		SET(RANGE_PUSH_A, push_a);
		SET(RANGE_PUSH_W, push_w);
		SET(RANGE_POP, pop);
	}
	if (callbacks->module(MODULE_CORE2, &table, &n)) {
		SET(DOMAIN_RANGE_START_EX, domain_start_ex);
		SET(DOMAIN_RANGE_END, domain_end);
		SET(DOMAIN_RANGE_PUSH_EX, domain_push_ex);
		SET(DOMAIN_RANGE_POP, domain_pop);
		SET(DOMAIN_REGISTER_STRING_A, register_a);
		SET(DOMAIN_REGISTER_STRING_W, register_w);
		SET(DOMAIN_CREATE_A, create_a);
		SET(DOMAIN_CREATE_W, create_w);
	}
	return 1;
}
