/* An ONNX model of any bytes: its layers are counted, and each is cut out. Where one can be cut, what comes out is a model. */
#include "fuzz.h"

#include "model/complexity.h"
#include "model/subgraph.h"

#include <stdlib.h>

#define NODES_MAX  16
#define INPUTS_MAX 32

static void count(const uint8_t *data, size_t n)
{
	struct jm_complexity_model *m;
	struct jm_complexity counted;
	const char **names;
	size_t n_names;
	char why[256];

	if (jm_complexity_open("fuzz", data, n, NULL, 0, &m, why, sizeof(why), NULL))
		return;
	if (jm_complexity_unknown(m, &names, &n_names) == 0)
		free(names);
	if (jm_complexity_count(m, &counted) == 0)
		jm_complexity_finish(&counted);
	jm_complexity_close(m);
}

static void cut(const struct jm_graph *g, size_t node)
{
	static const int64_t dims[] = {1, 2};
	struct jm_subgraph_input inputs[INPUTS_MAX];
	const char *names[INPUTS_MAX];
	struct jm_graph *again = NULL;
	unsigned char *bytes = NULL;
	size_t n_inputs, n, i;

	if (jm_graph_inputs(g, node, names, INPUTS_MAX, &n_inputs))
		return;
	for (i = 0; i < n_inputs; i++)
		inputs[i] = (struct jm_subgraph_input){names[i], 1, dims, 2};
	if (jm_graph_cut(g, node, inputs, n_inputs, &bytes, &n, NULL) == 0) {
		if (jm_graph_refusal(g, node) || jm_graph_read("cut", bytes, n, &again, NULL))
			abort();
		jm_graph_destroy(again);
		free(bytes);
	}
	if (jm_graph_expose(g, names, n_inputs, &bytes, &n, NULL) == 0)
		free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct jm_graph *g;
	size_t i;

	count(data, n);
	if (jm_graph_read("fuzz", data, n, &g, NULL))
		return 0;
	for (i = 0; i < jm_graph_n_nodes(g) && i < NODES_MAX; i++)
		cut(g, i);
	jm_graph_destroy(g);
	return 0;
}
