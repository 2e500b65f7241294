/* Prediction of a network that is not run: its layers from an ONNX file or a TensorRT engine, their figures from a predictor. */
#define _GNU_SOURCE
#include "core/error.h"
#include "core/grow.h"
#include "dataset/engine.h"
#include "joulemap/predict.h"
#include "model/complexity.h"
#include "model/model.h"
#include "report/prediction.h"
#include "session/windows.h"
#include "session/write.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ENGINE_BYTES_MAX (UINT64_C(1) << 30)
#define NOTES_MAX        8

struct jm_prediction {
	struct jm_predictor predictor;
	struct jm_predicted_network network;
	size_t capacity;
	char *path, *predictor_path;
	char *notes[NOTES_MAX];
};

static void note(struct jm_prediction *p, const char *text)
{
	char *copy = p->network.n_notes < NOTES_MAX ? strdup(text) : NULL;

	if (copy)
		p->notes[p->network.n_notes++] = copy;
}

static struct jm_predicted_layer *add_layer(struct jm_prediction *p, const char *name, const char *type)
{
	struct jm_predicted_network *n = &p->network;
	struct jm_predicted_layer *l;

	if (!jm_grow(&n->layers, &p->capacity, n->n, sizeof(*n->layers)))
		return NULL;
	l = &n->layers[n->n];
	memset(l, 0, sizeof(*l));
	l->guess = (struct jm_layer_guess){.runtime_ms = {NAN, NAN, NAN}, .power_w = {NAN, NAN, NAN},
					   .energy_mj = {NAN, NAN, NAN}};
	l->name = strdup(name);
	l->type = strdup(type);
	n->n++;
	return l->name && l->type ? l : NULL;
}

/* What runtimes fold into the convolution, product or normalisation before it (ONNX Runtime's graph optimisations, "extended"). */
static bool is_folded(const char *type, const char *before)
{
	static const char *const activations[] = {"Relu", "Clip", "LeakyRelu", "Sigmoid", "Tanh", "HardSigmoid"};
	bool is_conv = strcmp(before, "Conv") == 0;
	size_t i;

	if (is_conv && strcmp(type, "BatchNormalization") == 0)
		return true;
	for (i = 0; (is_conv || strcmp(before, "Gemm") == 0) && i < sizeof(activations) / sizeof(activations[0]); i++)
		if (strcmp(activations[i], type) == 0)
			return true;
	return false;
}

/* Views and constants take no time that is worth a prediction. */
static bool is_free(const struct jm_layer_complexity *l)
{
	return l->cost.bytes == 0 && l->cost.flops == 0;
}

static bool has_shapes(const struct jm_layer_complexity *l)
{
	return l->out.is_known && (l->n_in == 0 || l->in[0].is_known);
}

static int add_onnx_layer(struct jm_prediction *p, const struct jm_layer_complexity *l)
{
	struct jm_predicted_layer *out = add_layer(p, l->name, l->type);
	struct jm_operands *o = calloc(1, sizeof(*o));
	int rc;

	if (!out || !o) {
		free(o);
		return JM_E_NOMEM;
	}
	o->n_in = l->n_in < JM_OPERANDS_MAX ? l->n_in : JM_OPERANDS_MAX;
	memcpy(o->in, l->in, o->n_in * sizeof(*o->in));
	o->out[0] = l->out;
	o->n_out = 1;
	rc = jm_features_from(l->type, o, l->n_weights, &l->window, &out->features);
	free(o);
	out->is_known = rc == 0;
	snprintf(out->guess.reason, sizeof(out->guess.reason), "%s",
		 rc == 0		  ? ""
		 : rc == JM_E_NOT_FOUND && has_shapes(l) ? "an operator of no kind that is learnt"
					  : "its shapes are not known");
	return 0;
}

/* A layer is folded into the one before where that one's result goes nowhere else, which holds for nodes that follow each other in all
 * but a few networks; the count says how many were. */
static int take_layers(struct jm_prediction *p, const struct jm_complexity *c)
{
	const char *before = "";
	size_t i;
	int rc = 0;

	for (i = 0; i < c->n_layers && rc == 0; i++) {
		const struct jm_layer_complexity *l = &c->layers[i];

		if (is_folded(l->type, before)) {
			p->network.n_folded++;
			continue;
		}
		before = l->type;
		if (!is_free(l))
			rc = add_onnx_layer(p, l);
	}
	return rc;
}

static int read_onnx(struct jm_prediction *p, const struct jm_predict_options *o, struct jm_error *err)
{
	struct jm_complexity_options options = {.size = sizeof(options),
						.model = o->network,
						.batch = o->batch,
						.shapes = o->shapes,
						.n_shapes = o->n_shapes,
						.onnxruntime = o->onnxruntime,
						.is_never_run = o->is_never_run};
	struct jm_complexity_report *report;
	size_t i;
	int rc = jm_complexity_report_open(&options, &report, err);

	if (rc)
		return rc;
	for (i = 0; jm_complexity_report_note(report, i); i++)
		note(p, jm_complexity_report_note(report, i));
	p->network.n_shapes_seen = jm_complexity_report_seen(report);
	p->network.is_open = jm_complexity_report_is_open(report);
	if (take_layers(p, jm_complexity_report_counts(report)))
		rc = jm_error_set(err, JM_E_NOMEM, "no memory for %s", o->network);
	jm_complexity_report_destroy(report);
	note(p, "batch normalisations and activations behind a convolution are taken to be folded into it, as ONNX Runtime does; "
		"what else a runtime fuses or reorders is not foreseen");
	return rc;
}

static int read_engine(struct jm_prediction *p, const char *path, const unsigned char *data, size_t n, struct jm_error *err)
{
	struct jm_engine engine;
	size_t i;
	int rc = jm_engine_read(path, (const char *)data, n, false, &engine, err);

	if (rc)
		return rc;
	for (i = 0; i < engine.n && rc == 0; i++) {
		const struct jm_engine_layer *l = &engine.layers[i];
		struct jm_predicted_layer *out = add_layer(p, l->name, l->type);

		if (!out) {
			rc = jm_error_set(err, JM_E_NOMEM, "no memory for %s", path);
			break;
		}
		out->is_known = l->is_known;
		out->features = l->features;
		if (!l->is_known)
			snprintf(out->guess.reason, sizeof(out->guess.reason), "a layer of no kind that is learnt");
	}
	jm_engine_finish(&engine);
	return rc;
}

/* An engine's description is JSON, an ONNX file is not. */
static int read_network(struct jm_prediction *p, const struct jm_predict_options *o, struct jm_error *err)
{
	unsigned char *data = NULL;
	const char *dot = strrchr(o->network, '.');
	size_t n;
	int rc;

	if (!dot || strcmp(dot, ".json") != 0)
		return read_onnx(p, o, err);
	rc = jm_model_file(o->network, ENGINE_BYTES_MAX, &data, &n, err);
	rc = rc ? rc : read_engine(p, o->network, data, n, err);
	free(data);
	return rc;
}

static struct jm_guess sum_guess(double value, double log_low, double log_high)
{
	/* log(predicted / true) lies within. */
	return (struct jm_guess){value, value * exp(-log_high), value * exp(-log_low)};
}

static void guess_all(struct jm_prediction *p)
{
	struct jm_predicted_network *n = &p->network;
	double ms = 0, mj = 0;
	bool has_energy = true;
	size_t i;

	for (i = 0; i < n->n; i++) {
		struct jm_predicted_layer *l = &n->layers[i];

		if (!l->is_known)
			continue;
		jm_predictor_guess(&p->predictor, n->approach, &l->features, &l->guess);
		n->n_outside += l->guess.is_outside;
		if (isnan(l->guess.runtime_ms.value))
			continue;
		n->n_predicted++;
		ms += l->guess.runtime_ms.value;
		has_energy = has_energy && !isnan(l->guess.energy_mj.value);
		mj += l->guess.energy_mj.value;
	}
	n->runtime_ms = n->power_w = n->energy_mj = (struct jm_guess){NAN, NAN, NAN};
	if (n->n_predicted == 0)
		return;
	n->runtime_ms = sum_guess(ms, p->predictor.network_log_low[n->approach], p->predictor.network_log_high[n->approach]);
	if (has_energy) {
		n->energy_mj =
		    sum_guess(mj, p->predictor.energy_log_low[n->approach], p->predictor.energy_log_high[n->approach]);
		n->power_w.value = mj / ms;
	}
}

static int predict(struct jm_prediction *p, const struct jm_predict_options *o, struct jm_error *err)
{
	int rc;

	if (jm_approach_parse(o->approach ? o->approach : "roofline", &p->network.approach))
		return jm_error_set(err, JM_E_INVALID, "a network is predicted by roofline or polynomial, not by %s",
				    o->approach);
	p->path = strdup(o->network);
	p->predictor_path = strdup(o->predictor);
	if (!p->path || !p->predictor_path)
		return jm_error_set(err, JM_E_NOMEM, "no memory");
	rc = jm_predictor_load(o->predictor, &p->predictor, err);
	rc = rc ? rc : read_network(p, o, err);
	if (rc)
		return rc;
	p->network.path = p->path;
	p->network.predictor = p->predictor_path;
	p->network.device = p->predictor.device;
	p->network.n_networks = p->predictor.n_networks;
	p->network.notes = p->notes;
	guess_all(p);
	return 0;
}

int jm_prediction_open(const struct jm_predict_options *options, struct jm_prediction **out, struct jm_error *err)
{
	struct jm_prediction *p;
	int rc;

	if (options->size < sizeof(*options) || !options->predictor || !options->network)
		return jm_error_set(err, JM_E_INVALID, "a prediction takes a predictor and a network");
	p = calloc(1, sizeof(*p));
	rc = p ? predict(p, options, err) : jm_error_set(err, JM_E_NOMEM, "no memory");
	if (rc)
		jm_prediction_destroy(p);
	else
		*out = p;
	return rc;
}

int jm_prediction_write(const struct jm_prediction *prediction, const struct jm_view_options *view, jm_write_fn write,
			void *ctx, struct jm_error *err)
{
	const char *format = view->format ? view->format : "table";
	struct jm_prediction_view v = {view->limit, view->is_colour, view->width};
	struct jm_buffer text = {0};
	int rc;

	if (strcmp(format, "table") == 0)
		rc = jm_prediction_table(&prediction->network, &v, &text);
	else if (strcmp(format, "csv") == 0)
		rc = jm_prediction_csv(&prediction->network, &text);
	else if (strcmp(format, "json") == 0)
		rc = jm_prediction_json(&prediction->network, &text);
	else
		return jm_error_set(err, JM_E_INVALID, "a prediction is written as table, csv or json, not as %s", format);
	return jm_session_write(&text, rc, "the prediction", write, ctx, err);
}

void jm_prediction_destroy(struct jm_prediction *p)
{
	size_t i;

	if (!p)
		return;
	for (i = 0; i < p->network.n; i++) {
		free(p->network.layers[i].name);
		free(p->network.layers[i].type);
	}
	for (i = 0; i < p->network.n_notes; i++)
		free(p->notes[i]);
	free(p->network.layers);
	jm_predictor_finish(&p->predictor);
	free(p->path);
	free(p->predictor_path);
	free(p);
}
