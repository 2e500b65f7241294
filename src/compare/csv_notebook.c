/* The layouts of energy_aware_quantization's notebooks: fp32_per_layer_energy.csv, and of its later ones energy_results_aggregated
 * (CSV and JSON) and per_layer_energy.csv. Columns, units and formulas were read from the notebooks (2026-11); docs/compare.md lists
 * them. Their standard deviations are of populations. */
#include "compare/hotspots.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- fp32_per_layer_energy.csv ----------------------------------------------------------------------------------- */

int jm_compare_layer_energy_csv(const struct jm_variant *v, struct jm_buffer *out)
{
	struct jm_layer_list list;
	double loops = 0, readings = 0;
	size_t i;

	if (jm_layer_list_make(v, &list))
		return JM_E_NOMEM;
	for (i = 0; i < v->n_trials; i++) {
		loops += (double)v->trials[i]->iterations;
		readings += v->trials[i]->values[JM_FIGURE_READINGS];
	}
	jm_buffer_puts(out,
		       "layer_name,layer_idx,avg_power_w,total_time_s,energy_total_j,energy_per_inference_mj,num_loops,"
		       "latency_per_loop_ms,num_power_samples,energy_pct\n");
	for (i = 0; i < list.n; i++) {
		const struct jm_layer *l = &list.items[i];

		jm_compare_text_cell(out, l->name);
		jm_compare_count_cell(out, i, true);
		jm_compare_cell(out, l->power_w);
		jm_compare_cell(out, l->ms * loops / 1e3);
		jm_compare_cell(out, l->mj * loops / 1e3);
		jm_compare_cell(out, l->mj);
		jm_compare_count_cell(out, (uint64_t)loops, loops > 0);
		jm_compare_cell(out, l->ms);
		jm_compare_count_cell(out, isfinite(readings) ? (uint64_t)readings : 0, isfinite(readings));
		jm_compare_cell(out, 100 * l->mj / list.mj);
		jm_compare_end_row(out);
	}
	jm_layer_list_finish(&list);
	return 0;
}

/* ---- per_layer_energy.csv ---------------------------------------------------------------------------------------- */

/* Their words, told from the names of modules; paths of ONNX have '/' where those of PyTorch have '.'. */
static const char *type_of(const struct jm_layer *l)
{
	static const char *const types[][2] = {{"attention.q_lin", "Attention Projection"},
					       {"attention.k_lin", "Attention Projection"},
					       {"attention.v_lin", "Attention Projection"},
					       {"attn.c_attn", "Attention Projection"},
					       {"attention.out_lin", "Attention Output"},
					       {"attn.c_proj", "Attention Output"},
					       {"ffn.lin1", "FFN Layer 1"},
					       {"ffn.lin2", "FFN Layer 2"},
					       {"mlp.c_fc", "MLP Layer 1 (Expansion)"},
					       {"mlp.c_proj", "MLP Layer 2 (Projection)"},
					       {"sa_layer_norm", "LayerNorm"},
					       {"output_layer_norm", "LayerNorm"},
					       {"ln_", "LayerNorm"},
					       {"embeddings", "Embeddings"},
					       {"wte", "Embeddings"},
					       {"wpe", "Embeddings"},
					       {"lm_head", "LM Head"},
					       {"classifier", "Classifier"},
					       {"dropout", "Dropout"}};
	char name[1024], *c;
	size_t i;

	snprintf(name, sizeof(name), "%s", l->name);
	for (c = name; *c; c++)
		*c = *c == '/' ? '.' : *c;
	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (strstr(name, types[i][0]))
			return types[i][1];
	return l->type[0] ? l->type : "Other";
}

/* Most energy first; what has none, by time, behind. */
static int compare_energy(const void *a, const void *b)
{
	const struct jm_layer *x = *(const struct jm_layer *const *)a, *y = *(const struct jm_layer *const *)b;
	double p = isfinite(x->mj) ? x->mj : -1, q = isfinite(y->mj) ? y->mj : -1;

	if (p != q)
		return p < q ? 1 : -1;
	if (x->ms != y->ms)
		return x->ms < y->ms ? 1 : -1;
	return x < y ? -1 : x > y;
}

static void profiled_row(const struct jm_layer *l, double loops, double all_s, struct jm_buffer *out)
{
	double total_s = l->call_ms * l->calls / 1e3;

	jm_compare_text_cell(out, l->name);
	jm_compare_cell(out, l->call_ms);
	jm_compare_cell(out, l->call_std_ms);
	jm_compare_cell(out, total_s);
	jm_compare_count_cell(out, (uint64_t)l->calls, l->calls > 0);
	jm_compare_cell(out, 100 * total_s / all_s);
	jm_compare_cell(out, l->mj * loops / 1e3);
	jm_compare_cell(out, l->mj * loops);
	jm_compare_text_cell(out, type_of(l));
	jm_compare_end_row(out);
}

int jm_compare_profiled_layers_csv(const struct jm_variant *v, struct jm_buffer *out)
{
	const struct jm_layer **order = NULL;
	struct jm_layer_list list;
	double loops = 0, all_s = 0;
	size_t i;

	if (jm_layer_list_make(v, &list))
		return JM_E_NOMEM;
	order = calloc(list.n + 1, sizeof(*order));
	for (i = 0; order && i < list.n; i++) {
		order[i] = &list.items[i];
		all_s += list.items[i].calls > 0 ? list.items[i].call_ms * list.items[i].calls / 1e3 : 0;
	}
	for (i = 0; i < v->n_trials; i++)
		loops += (double)v->trials[i]->iterations;
	if (order) {
		qsort((void *)order, list.n, sizeof(*order), compare_energy);
		jm_buffer_puts(out, "layer_name,mean_time_ms,std_time_ms,total_time_s,num_calls,percent_total,energy_j,energy_mj,"
				    "layer_type\n");
	}
	for (i = 0; order && i < list.n; i++)
		profiled_row(order[i], loops, all_s, out);
	free((void *)order);
	jm_layer_list_finish(&list);
	return order ? 0 : JM_E_NOMEM;
}

/* ---- energy_results_aggregated ------------------------------------------------------------------------------------ */

#define N_METRICS 6
#define N_SUMS    4

static const char *const metrics[N_METRICS] = {"avg_power_w",          "energy_per_inference_j", "energy_per_inference_mj",
					       "latency_per_sample_s", "latency_per_sample_ms",  "throughput_samples_s"};
static const char *const sums[N_SUMS] = {"mean", "std", "min", "max"};

/* Per inference is per item there, and the latency of a sample the whole time by the number of items. */
static double metric(const struct jm_trial *t, size_t k)
{
	double item_mj = t->values[JM_FIGURE_ENERGY_ITEM], rate = t->values[JM_FIGURE_THROUGHPUT];
	const double values[N_METRICS] = {t->values[JM_FIGURE_POWER], item_mj / 1e3, item_mj, 1 / rate, 1e3 / rate, rate};

	return values[k];
}

static void summarise(const struct jm_variant *v, size_t k, double out[N_SUMS])
{
	double sum = 0, squares = 0, n = (double)v->n_trials;
	size_t i;

	out[2] = INFINITY;
	out[3] = -INFINITY;
	for (i = 0; i < v->n_trials; i++) {
		double x = metric(v->trials[i], k);

		sum += x; /* of trials that lack it, the variant lacks it */
		out[2] = x < out[2] ? x : out[2];
		out[3] = x > out[3] ? x : out[3];
	}
	out[0] = sum / n;
	for (i = 0; i < v->n_trials; i++)
		squares += pow(metric(v->trials[i], k) - out[0], 2);
	out[1] = sqrt(squares / n);
	if (!isfinite(sum))
		out[0] = out[1] = out[2] = out[3] = NAN;
}

/* Length of a sequence: the second dimension of an input of tokens, "input_ids int64 16x128"; 0: there is none. */
static unsigned long sequence_length(const struct jm_trial *t)
{
	const char *at = strstr(t->inputs, "input_ids ");
	unsigned long batch, length;
	char type[16], rest;

	if (t->tokens_per_item)
		return (unsigned long)t->tokens_per_item;
	if (!at || sscanf(at, "input_ids %15s %lux%lu%c", type, &batch, &length, &rest) < 3)
		return 0;
	return sscanf(at, "input_ids %15s %lux%lu%c", type, &batch, &length, &rest) == 4 && rest == 'x' ? 0 : length;
}

void jm_compare_energy_results_csv(const struct jm_comparison_data *c, struct jm_buffer *out)
{
	double values[N_SUMS];
	size_t i, k, s;

	jm_buffer_puts(out, "precision,batch_size,seq_len,num_trials,");
	for (k = 0; k < N_METRICS; k++)
		for (s = 0; s < N_SUMS; s++)
			jm_buffer_printf(out, "%s_%s,", metrics[k], sums[s]);
	jm_compare_end_row(out);
	for (i = 0; i < c->n_variants; i++) {
		const struct jm_variant *v = &c->variants[i];
		unsigned long length = sequence_length(v->trials[0]);

		jm_compare_text_cell(out, jm_compare_precision_name(c, v));
		jm_compare_count_cell(out, v->trials[0]->items_per_iteration, v->trials[0]->items_per_iteration > 0);
		jm_compare_count_cell(out, length, length > 0);
		jm_compare_count_cell(out, v->n_trials, true);
		for (k = 0; k < N_METRICS; k++) {
			summarise(v, k, values);
			for (s = 0; s < N_SUMS; s++)
				jm_compare_cell(out, values[s]);
		}
		jm_compare_end_row(out);
	}
}

static void json_count(struct jm_buffer *b, const char *key, uint64_t value)
{
	jm_buffer_printf(b, "    \"%s\": ", key);
	if (value > 0)
		jm_buffer_printf(b, "%llu,\n", (unsigned long long)value);
	else
		jm_buffer_puts(b, "null,\n");
}

void jm_compare_energy_results_json(const struct jm_comparison_data *c, struct jm_buffer *out)
{
	double values[N_SUMS];
	size_t i, k, s;

	jm_buffer_puts(out, "[");
	for (i = 0; i < c->n_variants; i++) {
		const struct jm_variant *v = &c->variants[i];

		jm_buffer_puts(out, i ? ",\n  {\n    \"precision\": " : "\n  {\n    \"precision\": ");
		jm_buffer_json_string(out, jm_compare_precision_name(c, v));
		jm_buffer_puts(out, ",\n");
		json_count(out, "batch_size", v->trials[0]->items_per_iteration);
		json_count(out, "seq_len", sequence_length(v->trials[0]));
		jm_buffer_printf(out, "    \"num_trials\": %zu", v->n_trials);
		for (k = 0; k < N_METRICS; k++) {
			summarise(v, k, values);
			for (s = 0; s < N_SUMS; s++) {
				jm_buffer_printf(out, ",\n    \"%s_%s\": ", metrics[k], sums[s]);
				jm_buffer_json_number(out, values[s]);
			}
		}
		jm_buffer_puts(out, "\n  }");
	}
	jm_buffer_puts(out, "\n]\n");
}
