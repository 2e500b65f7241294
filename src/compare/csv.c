/* CSV: joulemap's own, and the layouts of energy_aware_quantization: trial results, aggregated_comparison.csv, benchmark_results.csv.
 * Their columns, units and formulas were read from its programs and results (2026-11); docs/compare.md lists them. */
#include "compare/write.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define MIB 1048576.0

void jm_compare_cell(struct jm_buffer *out, double value)
{
	char text[32];

	if (isfinite(value))
		jm_buffer_append(out, text, jm_text_shortest(value, text));
	jm_buffer_puts(out, ",");
}

void jm_compare_text_cell(struct jm_buffer *out, const char *text)
{
	jm_buffer_csv(out, text);
	jm_buffer_puts(out, ",");
}

void jm_compare_count_cell(struct jm_buffer *out, uint64_t value, bool is_known)
{
	if (is_known)
		jm_buffer_printf(out, "%" PRIu64, value);
	jm_buffer_puts(out, ",");
}

void jm_compare_end_row(struct jm_buffer *out)
{
	if (!out->is_failed && out->n)
		out->data[out->n - 1] = '\n';
}

/* A figure, or an amount: the figure f times factor, with note among its reasons. */
static void figure_row(struct jm_buffer *out, const struct jm_comparison_data *c, const struct jm_variant *v,
		       enum jm_figure f, const char *key, double factor, const char *note)
{
	struct jm_own_cost cost = jm_comparison_own_cost(v->trials, v->n_trials);
	const struct jm_against *a = &v->against[f];
	bool is_other = v != &c->variants[0];
	char reason[sizeof(a->why) + 128];

	snprintf(reason, sizeof(reason), "%s%s%s", note, *note && is_other && a->why[0] ? "; " : "", is_other ? a->why : "");
	jm_compare_text_cell(out, v->name);
	jm_compare_text_cell(out, key);
	jm_compare_count_cell(out, v->n_trials, true);
	jm_compare_cell(out, v->mean[f] * factor);
	jm_compare_cell(out, v->std[f] * factor);
	jm_compare_cell(out, is_other ? a->value : NAN);
	jm_compare_cell(out, is_other ? a->ci.low : NAN);
	jm_compare_cell(out, is_other ? a->ci.high : NAN);
	jm_compare_cell(out, is_other ? a->p : NAN);
	jm_compare_text_cell(out, is_other ? jm_basis_text(a->basis) : "");
	jm_compare_count_cell(out, a->n, is_other);
	jm_compare_text_cell(out, jm_state_text(v->state));
	jm_compare_text_cell(out, reason);
	jm_own_cost_csv(&cost, out);
	jm_buffer_puts(out, "\n");
}

/* carbon_g_per_item, price_EUR_per_iteration, ... */
static void amount_rows(struct jm_buffer *out, const struct jm_comparison_data *c, const struct jm_variant *v,
			const struct jm_tariff *t, bool is_carbon)
{
	char key[96], rate[64], note[96];
	size_t k;

	jm_amount_rate(t, is_carbon, rate, sizeof(rate));
	snprintf(note, sizeof(note), "at %s, given by the user", rate);
	for (k = 0; k < JM_N_AMOUNTS; k++) {
		snprintf(key, sizeof(key), "%s%s%s%s", is_carbon ? "carbon_g" : "price", !is_carbon && t->currency[0] ? "_" : "",
			 is_carbon ? "" : t->currency, jm_amounts[k].ending);
		figure_row(out, c, v, jm_amounts[k].figure, key, jm_amount_of(t, &jm_amounts[k], is_carbon, 1), note);
	}
}

void jm_compare_csv(const struct jm_comparison_data *c, const struct jm_tariff *tariff, struct jm_buffer *out)
{
	size_t i;
	int f;

	jm_buffer_puts(out, "variant,figure,trials,mean,std,against_first,ci_low,ci_high,p,basis,n,energy_state,"
			    "reason," JM_OWN_COST_COLUMNS "\n");
	for (i = 0; i < c->n_variants; i++) {
		const struct jm_variant *v = &c->variants[i];

		for (f = 0; f < JM_N_FIGURES; f++)
			figure_row(out, c, v, (enum jm_figure)f, jm_figure_key((enum jm_figure)f), 1, "");
		if (tariff->has_carbon)
			amount_rows(out, c, v, tariff, true);
		if (tariff->has_price)
			amount_rows(out, c, v, tariff, false);
	}
}

const char *jm_compare_precision_name(const struct jm_comparison_data *c, const struct jm_variant *v)
{
	size_t i, k;

	for (i = 0; i < c->n_variants; i++) {
		const char *precision = c->variants[i].trials[0]->precision;

		if (!precision[0])
			return v->name;
		for (k = 0; k < i; k++)
			if (strcmp(c->variants[k].trials[0]->precision, precision) == 0)
				return v->name;
	}
	return v->trials[0]->precision;
}

static bool is_accuracy(const struct jm_trial *t)
{
	return strcmp(t->score.name, "accuracy") == 0 && isfinite(t->score.value);
}

static void energy_cells(struct jm_buffer *b, const struct jm_trial *t)
{
	double inference_j = t->values[JM_FIGURE_ENERGY_ITERATION] / 1e3;
	double accuracy = is_accuracy(t) ? t->score.value : NAN;
	bool has_energy = isfinite(t->values[JM_FIGURE_ENERGY]);

	jm_compare_cell(b, t->values[JM_FIGURE_POWER]);
	jm_compare_cell(b, t->values[JM_FIGURE_POWER_STD]);
	jm_compare_cell(b, t->min_power_w);
	jm_compare_cell(b, t->max_power_w);
	jm_compare_cell(b, t->median_power_w);
	jm_compare_cell(b, t->values[JM_FIGURE_ENERGY]);
	jm_compare_cell(b, inference_j);
	jm_compare_cell(b, inference_j * 1e3);
	jm_compare_count_cell(b, has_energy ? (uint64_t)t->values[JM_FIGURE_READINGS] : 0, has_energy);
	jm_compare_cell(b, inference_j * (1 - accuracy));
	jm_compare_cell(b, 1 / inference_j);
	jm_compare_cell(b, accuracy / (inference_j * 1e3));
}

static const char *dtype(const char *precision)
{
	return strcmp(precision, "fp32") == 0   ? "float32"
	       : strcmp(precision, "fp16") == 0 ? "float16"
	       : strcmp(precision, "bf16") == 0 ? "bfloat16"
	       : strcmp(precision, "fp64") == 0 ? "float64"
						: precision;
}

/* Theirs are of populations, ours of samples. */
static double std_latency_ms(const struct jm_trial *t)
{
	double n = (double)t->latency.n;

	return t->latency.n > 1 ? t->latency.std_ms * sqrt((n - 1) / n) : t->latency.n ? 0 : NAN;
}

static void trial_row(struct jm_buffer *b, const struct jm_trial *t, size_t number)
{
	bool is_scored = is_accuracy(t);

	jm_compare_cell(b, t->duration_s);
	jm_compare_cell(b, t->latency.n ? t->latency.mean_ms / 1e3 : NAN);
	jm_compare_cell(b, std_latency_ms(t) / 1e3);
	jm_compare_cell(b, t->latency.n ? t->latency.min_ms / 1e3 : NAN);
	jm_compare_cell(b, t->latency.n ? t->latency.max_ms / 1e3 : NAN);
	jm_compare_cell(b, t->latency.n ? t->latency.median_ms / 1e3 : NAN);
	jm_compare_cell(b, t->values[JM_FIGURE_THROUGHPUT]);
	jm_compare_count_cell(b, t->items_per_iteration, t->items_per_iteration > 0);
	jm_compare_count_cell(b, t->iterations, t->iterations > 0);
	jm_compare_cell(b, is_scored ? t->score.value : NAN);
	jm_compare_count_cell(b, is_scored ? (uint64_t)llround(t->score.value * (double)t->score.n_items) : 0,
			      is_scored);
	jm_compare_count_cell(b, t->score.n_items, is_scored);
	energy_cells(b, t);
	jm_buffer_puts(b, ",,"); /* allocated, reserved: of PyTorch's allocator */
	jm_compare_cell(b, t->values[JM_FIGURE_PEAK_MEMORY] / 1e9);
	jm_buffer_puts(b, ",");
	jm_compare_count_cell(b, t->n_parameters, t->n_parameters > 0);
	jm_compare_cell(b, t->values[JM_FIGURE_MODEL_SIZE] / MIB);
	jm_compare_text_cell(b, dtype(t->precision));
	jm_compare_text_cell(b, t->provider);
	jm_compare_text_cell(b, !t->precision[0] ? "" : strstr(t->precision, "int") ? "True" : "False");
	jm_compare_text_cell(b, t->model);
	jm_compare_text_cell(b, t->precision);
	jm_compare_text_cell(b, t->data_path);
	jm_compare_count_cell(b, t->warmup, t->iterations > 0);
	jm_compare_count_cell(b, t->round ? t->round : number, true);
	jm_compare_text_cell(b, t->timestamp);
	jm_compare_end_row(b);
}

void jm_compare_trial_csv(const struct jm_comparison_data *c, struct jm_buffer *out)
{
	size_t i, k;

	jm_buffer_puts(
	    out,
	    "total_time,mean_latency,std_latency,min_latency,max_latency,median_latency,throughput,batch_size,num_"
	    "iters,"
	    "accuracy,num_correct,num_samples_accuracy,mean_power_w,std_power_w,min_power_w,max_power_w,median_power_w,"
	    "total_energy_j,energy_per_inference_j,energy_per_inference_mj,num_power_samples,energy_accuracy_product,"
	    "inferences_per_joule,accuracy_per_millijoule,allocated_gb,reserved_gb,peak_allocated_gb,peak_reserved_gb,"
	    "num_parameters,model_size_mb,dtype,device,is_quantized,model_name,precision,dataset_path,warmup_steps,"
	    "trial_number,timestamp\n");
	for (i = 0; i < c->n_variants; i++)
		for (k = 0; k < c->variants[i].n_trials; k++)
			trial_row(out, c->variants[i].trials[k], k + 1);
}

void jm_compare_aggregated_csv(const struct jm_comparison_data *c, struct jm_buffer *out)
{
	static const struct {
		const char *name;
		enum jm_figure figure;
		double factor;
	} columns[] = {{"mean_latency", JM_FIGURE_LATENCY, 1e-3},
		       {"throughput", JM_FIGURE_THROUGHPUT, 1},
		       {"mean_power_w", JM_FIGURE_POWER, 1},
		       {"energy_per_inference_mj", JM_FIGURE_ENERGY_ITERATION, 1},
		       {"accuracy", JM_FIGURE_SCORE, 1},
		       {"model_size_mb", JM_FIGURE_MODEL_SIZE, 1 / MIB},
		       {"peak_allocated_gb", JM_FIGURE_PEAK_MEMORY, 1e-9}};
	size_t i, k, n = sizeof(columns) / sizeof(columns[0]);

	jm_buffer_puts(out, "precision,");
	for (k = 0; k < n; k++)
		jm_buffer_printf(out, "%s_mean,%s_std,", columns[k].name, columns[k].name);
	jm_compare_end_row(out);
	for (i = 0; i < c->n_variants; i++) {
		const struct jm_variant *v = &c->variants[i];

		jm_compare_text_cell(out, jm_compare_precision_name(c, v));
		for (k = 0; k < n; k++) {
			bool is_other_score = columns[k].figure == JM_FIGURE_SCORE && !is_accuracy(v->trials[0]);

			jm_compare_cell(out, is_other_score ? NAN : v->mean[columns[k].figure] * columns[k].factor);
			jm_compare_cell(out, is_other_score ? NAN : v->std[columns[k].figure] * columns[k].factor);
		}
		jm_compare_end_row(out);
	}
}

/* "FP32", or the variant's name. */
static void name_cell(struct jm_buffer *b, const struct jm_comparison_data *c, const struct jm_variant *v)
{
	const char *name = jm_compare_precision_name(c, v);
	char upper[64];
	size_t i;

	if (name == v->name) {
		jm_compare_text_cell(b, name);
		return;
	}
	for (i = 0; name[i] && i + 1 < sizeof(upper); i++)
		upper[i] = (char)toupper((unsigned char)name[i]);
	upper[i] = '\0';
	jm_compare_text_cell(b, upper);
}

/* How many times less: 1 for the first itself. */
static double reduction(const struct jm_comparison_data *c, const struct jm_variant *v, enum jm_figure f)
{
	if (v == &c->variants[0])
		return isfinite(v->mean[f]) ? 1 : NAN;
	return 1 / v->against[f].value;
}

static void benchmark_row(struct jm_buffer *b, const struct jm_comparison_data *c, const struct jm_variant *v,
			  bool is_language)
{
	double std_ms = 0, score = v->mean[JM_FIGURE_SCORE];
	uint64_t total = 0;
	size_t i;

	for (i = 0; i < v->n_trials; i++) {
		const struct jm_trial *t = v->trials[i];

		std_ms += std_latency_ms(t) / (double)v->n_trials;
		total += is_language ? t->iterations : t->iterations * t->items_per_iteration;
	}
	name_cell(b, c, v);
	jm_compare_cell(b, v->mean[JM_FIGURE_LATENCY]);
	jm_compare_cell(b, std_ms);
	jm_compare_cell(b, is_language ? score : is_accuracy(v->trials[0]) ? 100 * score : NAN);
	jm_compare_cell(b, v->mean[JM_FIGURE_THROUGHPUT]);
	if (is_language)
		jm_compare_cell(b, v->trials[0]->tokens_per_item
				       ? v->mean[JM_FIGURE_THROUGHPUT] * (double)v->trials[0]->tokens_per_item
				       : NAN);
	jm_compare_cell(b, v->mean[JM_FIGURE_POWER]);
	jm_compare_cell(b, v->mean[JM_FIGURE_ENERGY_ITEM]);
	jm_compare_cell(b, v->mean[JM_FIGURE_MODEL_SIZE] / MIB);
	jm_compare_count_cell(b, total, total > 0);
	jm_compare_cell(b, reduction(c, v, JM_FIGURE_LATENCY));
	jm_compare_cell(b, v->is_simulated == 1 ? NAN : reduction(c, v, JM_FIGURE_ENERGY_ITEM));
	jm_compare_cell(b, reduction(c, v, JM_FIGURE_MODEL_SIZE));
	jm_compare_end_row(b);
}

void jm_compare_benchmark_csv(const struct jm_comparison_data *c, struct jm_buffer *out)
{
	bool is_language = strcmp(c->variants[0].trials[0]->score.name, "perplexity") == 0;
	size_t i;

	jm_buffer_printf(
	    out,
	    "name,mean_latency_ms,std_latency_ms,%s,throughput,%smean_power_w,energy_per_sample_mj,model_size_mb,%s,"
	    "speedup_vs_fp32,energy_reduction_vs_fp32,size_reduction_vs_fp32\n",
	    is_language ? "perplexity" : "accuracy", is_language ? "tokens_per_sec," : "",
	    is_language ? "total_iters" : "total_samples");
	for (i = 0; i < c->n_variants; i++)
		benchmark_row(out, c, &c->variants[i], is_language);
}
