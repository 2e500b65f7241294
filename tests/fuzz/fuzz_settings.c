/* What users write behind options and is read further inside: shapes and files of inputs, ranges of estimated power, the price and carbon
 * of a kilowatt-hour. Any bytes, as each of them. */
#include "fuzz.h"

#include "runner/input.h"
#include "support/tree.h"

#include "export/tariff.h"
#include "sensor/sensor.h"

#include <math.h>

static struct tree world;

static void remove_world(void)
{
	tree_remove(&world);
}

static void open_world(void)
{
	tree_create(&world);
	tree_write(&world, "/proc/stat", "cpu  0 0 0 1000 0 0 0 0 0 0\ncpu0 0 0 0 1 0\n");
	setenv("JOULEMAP_ROOT", world.root, 1);
	atexit(remove_world);
}

/* A shape of many digits is one of gigabytes, which are then made. */
static bool is_small(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += *text >= '0' && *text <= '9';
	return n <= 6;
}

static void check_shape(const char *text)
{
	int64_t dims[] = {-1, 3, -1};
	const char *dim_names[] = {"batch", "", "batch"};
	struct jm_ort_input wanted = {.name = (char *)(uintptr_t) "x",
				      .dtype = 1,
				      .is_tensor = true,
				      .n_dims = 3,
				      .dims = dims,
				      .dim_names = (char **)(uintptr_t)dim_names};
	struct jm_input_options options = {.batch = 1, .shapes = &text, .n_shapes = 1};
	struct jm_inputs inputs;
	struct jm_error err = {0};

	if (!is_small(text))
		return;
	if (jm_inputs_make(&wanted, 1, &options, &inputs, &err) == 0)
		jm_inputs_finish(&inputs);
	else if (!err.message[0])
		abort();
}

static void check_estimate(const char *text)
{
	struct jm_sensors *sensors = NULL;
	struct jm_error err = {0};
	char choice[512], *c;

	snprintf(choice, sizeof(choice), "estimate:%.480s", text);
	for (c = choice; *c; c++) /* another driver's turn: one that runs commands, say */
		*c = *c == ':' && c - choice > 8 ? ';' : *c;
	if (jm_sensors_probe(choice, &sensors, &err) == 0)
		jm_sensors_destroy(sensors);
	else if (!err.message[0])
		abort();
}

static void check_tariff(const char *text)
{
	struct jm_tariff t = {.has_price = false};
	struct jm_error err = {0};

	if (jm_tariff_parse(text, text, &t, &err) ? !err.message[0] : !isfinite(t.price_per_kwh) || t.price_per_kwh < 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char *text = malloc(n + 1);

	if (!world.root[0])
		open_world();
	if (!text)
		return 0;
	if (n)
		memcpy(text, data, n);
	text[n] = '\0';
	check_shape(text);
	check_estimate(text);
	check_tariff(text);
	free(text);
	return 0;
}
