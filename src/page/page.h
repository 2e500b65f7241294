/* The page: a report as one HTML file that asks nobody else and opens offline. docs/report.md shows it.
 *
 * A page holds one recording, or several and what sets them side by side. Everything a recording brought along
 * (names, commands, warnings) is data to the page: JSON with every '<' escaped, put into the document as text alone. */
#ifndef PAGE_PAGE_H
#define PAGE_PAGE_H

#include "core/result.h"
#include "export/tariff.h"
#include "core/text.h"
#include "scene/scene.h"

/* Something known of the machine or the run. */
struct jm_page_fact {
	const char *label;
	char value[512];
};

/* Something that happened while recording. */
struct jm_page_event {
	int64_t t_ns, duration_ns;
	const char *kind, *text;
};

/* All borrowed. */
struct jm_page_recording {
	const char *title;
	const struct jm_result *result;
	const struct jm_scene *scene;   /* NULL: no power over time */
	const struct jm_names *names;   /* of the scene's boxes */
	const char *const *track_names; /* one a lane of the scene; NULL entries: none known */
	const struct jm_page_fact *facts;
	size_t n_facts;
	const struct jm_page_event *events;
	size_t n_events;
	struct jm_tariff tariff; /* what the user says energy comes to */
	/* Gives the part of a network that a layer belongs to ("attention", ..., "other"); NULL: not told. */
	const char *(*part_of)(const char *name, const char *type);
};

struct jm_page {
	const char *title;
	const struct jm_page_recording *recordings;
	size_t n_recordings;
	const struct jm_buffer *comparison; /* of the recordings, "joulemap-compare/1" (docs/compare.md); NULL: none */
};

/* Rows of one recording that go onto the page, those of the most energy. */
#define JM_PAGE_ROWS 5000

/* Appends the whole document. Errors: JM_E_NOMEM; JM_E_INVALID without a recording. */
int jm_page_write(const struct jm_page *page, struct jm_buffer *out, struct jm_error *err);

/* Appends a scene as JSON, its numbers in base64. */
void jm_page_scene(const struct jm_page_recording *r, struct jm_buffer *out);

#endif
