/* One event of the Trace Event Format, which Chrome, PyTorch and ONNX Runtime write. Source: "Trace Event Format",
 * Google, 2016: ts and dur in microseconds, decimal fractions allowed. */
#ifndef TRACE_EVENT_H
#define TRACE_EVENT_H

#include "core/json.h"
#include "core/text.h"

struct jm_trace_event {
	struct jm_buffer name, category, op_name; /* terminated; op_name: args.op_name */
	struct jm_buffer taken,
	    given;  /* args.input_type_shape, output_type_shape: "fp32[1,3,8,8] int64[2]"; terminated */
	char phase; /* 'X', 'B', 'E', ...; 0: absent */
	int64_t start_ns, duration_ns;
	bool has_start, has_duration;
	int64_t pid, tid; /* a text becomes a hash of it */
	int64_t stream;   /* args.stream; -1: absent */
	int64_t device;   /* args.device: CUDA's number of the GPU; -1: absent */
	uint64_t offset;  /* of the event, for messages */
	bool is_whole;    /* read to its end; true before the first */
};

/* Frees its texts. */
void jm_trace_event_finish(struct jm_trace_event *event);
/* Reads one event; begin: its JM_JSON_OBJECT token. Unknown keys are skipped. Errors: JM_E_FORMAT, JM_E_NOMEM. */
int jm_trace_event_read(struct jm_json *json, const struct jm_json_token *begin, struct jm_trace_event *event,
			struct jm_error *err);

/* Numbers the tracks: (pid, tid) in order of first sight. */
struct jm_trace_tracks {
	struct {
		int64_t pid, tid;
	} * items;
	size_t n, capacity, last;
};
void jm_trace_tracks_finish(struct jm_trace_tracks *tracks);
/* Errors: JM_E_NOMEM; JM_E_FORMAT beyond 4096 tracks. */
int jm_trace_track(struct jm_trace_tracks *tracks, int64_t pid, int64_t tid, uint32_t *out);

#endif
