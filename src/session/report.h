/* From a recording to a result. */
#ifndef SESSION_REPORT_H
#define SESSION_REPORT_H

#include "core/result.h"
#include "core/text.h"
#include "recording/recording.h"
#include "scene/scene.h"

struct jm_stretch;

struct jm_report {
	struct jm_recording *recording;
	struct jm_result result;
	struct jm_process_log processes;
	/* What the result is about, and the iterations, for comparisons. */
	struct jm_stretch *windows;
	struct jm_span *iterations;
	size_t n_windows, n_iterations;
	struct jm_scene *scene; /* NULL: not asked for */
	char path[1024];
	size_t n_calls;
	double *calls;       /* n_calls; by name: executions in one iteration, where spans are pieces of one; NULL: a span is an execution */
	uint32_t part_kinds; /* kinds of spans (bit 1 << kind) that the result's layers are */
};

/* Writes a trace for viewers: readings and spans of the recording, with what the result says of them as arguments. Gives the
 * text piece by piece. Errors: those of reading; JM_E_CANCELLED when write stops; JM_E_NOMEM. */
struct jm_trace_writer;
int jm_report_write_trace(const struct jm_report *report, const struct jm_trace_writer *writer, jm_write_fn write,
			  void *ctx, struct jm_error *err);

/* Says whether the result is about this moment. */
bool jm_report_is_inside(const struct jm_report *report, int64_t t_ns);

/* Loads the levels of the idle machine for the channels of r. choice: as in struct jm_report_options. *out: n_channels
 * entries, free(), or NULL when there is none to use; note_out (size bytes): which, or why none.
 * Errors: those of opening a file that the user named. */
struct jm_baseline;
int jm_session_baselines(struct jm_recording *r, const char *choice, struct jm_baseline **out, char *note_out,
			 size_t size, struct jm_error *err);

/* Fills in the levels (one a channel) that are not known yet from the idle recordings of the machine: of each channel the newest one
 * counts. Gives how many files had any; *n_paths_out: how many there are, *n_ours_out: of this machine; *busy_out: how busy the
 * machine was while those levels were measured, where that was more than idle; else 0. */
size_t jm_session_idle_levels(const char *machine_id, const struct jm_channel *channels, size_t n,
			      struct jm_baseline *levels, size_t *n_paths_out, size_t *n_ours_out, double *busy_out);

/* As jm_report_open, merging layers until the relative sd of a group is at most target_fraction (0: the usual 0.10). */
struct jm_report_options;
int jm_report_open_target(const char *path, const struct jm_report_options *options, double target_fraction,
			  struct jm_report **out, struct jm_error *err);

/* Gives what taking the recording took, as it says itself. */
void jm_session_own_cost(struct jm_recording *r, struct jm_own_cost *cost);

/* Fills run and own_cost with what the recording says of the run besides times. Texts are borrowed from r. */
void jm_report_describe_run(struct jm_recording *r, struct jm_result *result);

/* Fills the rows' work from the shapes that the recording keeps; without any the rows stay as they are. Errors: JM_E_NOMEM,
 * JM_E_FORMAT. */
int jm_report_add_work(struct jm_recording *r, struct jm_result *result, struct jm_error *err);

/* Fills devices and visible_devices. Errors: of reading the file. */
struct jm_stretch;
int jm_report_describe_devices(struct jm_recording *r, const struct jm_stretch *windows, size_t n_windows,
			       struct jm_result *result, struct jm_error *err);

/* Gives for each channel the fraction of the time for which a limit held its device down, as result's devices tell; 0: none, or
 * not known. NULL: out of memory. free(). */
double *jm_report_limits(const struct jm_result *result, const struct jm_channel *channels, size_t n_channels);

/* Warns of limits at work, and of readings that do not agree with their counter. After jm_attribute. */
void jm_report_warn_of_limits(struct jm_result *result);

/* Warns of sensors that were lost, of channels that gave nothing, and, before all else, of readings that did not come. After
 * jm_attribute. */
void jm_report_warn_of_readings(struct jm_recording *r, struct jm_result *result);

/* Where random rests lay between the iterations: takes the throughput from the latency, and warns. After jm_attribute. */
void jm_report_explain_rests(struct jm_recording *r, struct jm_result *result);

/* Before anything is loaded of which a scene is to be made: holds the spans, among which are those that attribution wants, so that the
 * table is read once; and gives room for the series that attribution makes (n_channels, zeroed; free()). Errors: of reading the file,
 * JM_E_NOMEM. */
int jm_report_begin_scene(struct jm_report *report, size_t n_channels, struct jm_series **series_out, struct jm_error *err);
/* Makes the scene. known: samples, n_samples and series of all channels, from from_ns up to to_ns; what else the recording holds is
 * read. Errors: of reading the file, JM_E_NOMEM. */
int jm_report_make_scene(struct jm_report *report, const struct jm_scene_input *known, int64_t from_ns, int64_t to_ns,
			 struct jm_error *err);

/* Gives what it was a recording of, in as few words as there are. Borrowed. */
const char *jm_report_title(const struct jm_report *report);

/* Appends the report as a page. Of view, the tariff counts. Errors: JM_E_INVALID without a scene; JM_E_NOMEM. */
struct jm_view;
int jm_report_page(const struct jm_report *report, const struct jm_view *view, struct jm_buffer *out,
		   struct jm_error *err);

#endif
