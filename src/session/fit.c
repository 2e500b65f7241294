#define _GNU_SOURCE
#include "core/error.h"
#include "core/file.h"
#include "joulemap/predict.h"
#include "report/prediction.h"
#include "session/write.h"

#include <stdlib.h>
#include <string.h>

struct jm_fit {
	struct jm_dataset data;
	struct jm_groups groups;
	struct jm_predictor predictor;
	struct jm_validation evaluation;
	char *path; /* written; NULL: none */
	bool is_evaluated;
};

static int learn(struct jm_fit *f, const struct jm_fit_options *o, struct jm_error *err)
{
	struct jm_predictor_options options = {.n_alphas = (size_t)o->n_alphas};
	size_t n_left_out;
	int rc = o->predictor ? jm_file_is_free(o->predictor, o->overwrite, err) : 0;

	rc = rc ? rc : jm_dataset_read(o->data, &f->data, &n_left_out, err);
	rc = rc ? rc : jm_predictor_fit(&f->data, &options, &f->predictor, err);
	if (rc == 0 && jm_groups_find(&f->data, &f->groups))
		rc = jm_error_set(err, JM_E_NOMEM, "no memory");
	if (rc == 0 && o->is_evaluated) {
		rc = jm_validate(&f->data, &options, &f->evaluation, err);
		f->is_evaluated = rc == 0;
	}
	if (rc || !o->predictor)
		return rc;
	f->path = strdup(o->predictor);
	return f->path ? jm_predictor_save(&f->predictor, o->predictor, o->overwrite, err)
		       : jm_error_set(err, JM_E_NOMEM, "no memory");
}

int jm_fit_open(const struct jm_fit_options *options, struct jm_fit **out, struct jm_error *err)
{
	struct jm_fit *f;
	int rc;

	if (options->size < sizeof(*options) || !options->data)
		return jm_error_set(err, JM_E_INVALID, "no training data are named");
	if (options->n_alphas > 10000)
		return jm_error_set(err, JM_E_INVALID, "at most 10000 strengths of the penalty are tried");
	f = calloc(1, sizeof(*f));
	rc = f ? learn(f, options, err) : jm_error_set(err, JM_E_NOMEM, "no memory");
	if (rc)
		jm_fit_destroy(f);
	else
		*out = f;
	return rc;
}

int jm_fit_write(const struct jm_fit *fit, const struct jm_view_options *view, jm_write_fn write, void *ctx,
		 struct jm_error *err)
{
	struct jm_learnt learnt = {&fit->predictor, &fit->groups, fit->is_evaluated ? &fit->evaluation : NULL,
				   fit->path};
	const char *format = view->format ? view->format : "table";
	struct jm_prediction_view v = {view->limit, view->is_colour, view->width};
	struct jm_buffer text = {0};
	int rc;

	if (strcmp(format, "table") == 0)
		rc = jm_fit_table(&learnt, &v, &text);
	else if (strcmp(format, "csv") == 0)
		rc = jm_fit_csv(&learnt, &text);
	else if (strcmp(format, "json") == 0)
		rc = jm_fit_json(&learnt, &text);
	else
		return jm_error_set(err, JM_E_INVALID, "a fit is written as table, csv or json, not as %s", format);
	return jm_session_write(&text, rc, "the fit", write, ctx, err);
}

void jm_fit_destroy(struct jm_fit *fit)
{
	if (!fit)
		return;
	jm_validation_finish(&fit->evaluation);
	jm_predictor_finish(&fit->predictor);
	jm_groups_finish(&fit->groups);
	jm_dataset_finish(&fit->data);
	free(fit->path);
	free(fit);
}
