/* The name table. */
#include "core/span.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

static uint32_t add(struct jm_names *names, const char *text, const char *type)
{
	uint32_t index;

	assert_int_equal(jm_names_add(names, text, strlen(text), type, strlen(type), &index), 0);
	return index;
}

static void a_name_and_type_stand_once(void **state)
{
	struct jm_names names = {0};
	uint32_t i, first, index;
	char text[16];

	(void)state;
	first = add(&names, "conv1", "Conv");
	assert_int_equal(add(&names, "conv1", "Conv"), first);
	assert_int_not_equal(add(&names, "conv1", "Relu"), first);
	assert_int_not_equal(add(&names, "conv1C", "onv"), first);
	for (i = 0; i < 1000; i++) {
		text[0] = (char)('a' + i % 26);
		text[1] = (char)('a' + i / 26 % 26);
		text[2] = (char)('a' + i / 676);
		text[3] = '\0';
		index = add(&names, text, "");
		assert_string_equal(names.items[index].text, text);
	}
	assert_int_equal(names.n, 1003);
	assert_int_equal(add(&names, "conv1", "Conv"), first);
	jm_names_finish(&names);
}

static void the_first_shapes_told_stay(void **state)
{
	struct jm_names names = {0};
	uint32_t a = add(&names, "a", "Conv"), b = add(&names, "b", "Conv");

	(void)state;
	assert_int_equal(jm_names_set_shapes(&names, b, "first"), 0);
	assert_int_equal(jm_names_set_shapes(&names, b, "second"), 0);
	assert_null(names.items[a].shapes);
	assert_string_equal(names.items[b].shapes, "first");
	assert_int_equal(jm_names_set_shapes(&names, 2, "none"), JM_E_INVALID);
	jm_names_finish(&names);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_name_and_type_stand_once),
	    cmocka_unit_test(the_first_shapes_told_stay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
