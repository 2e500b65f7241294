#!/usr/bin/env bash
# check-tests finds a registered driver without source or test, and a driver that is not registered.
. "$(dirname "$0")/common.sh"
write src/sensor/sensor_list.h < <(printf '/* X(name) */\n#define JM_SENSOR_LIST(X) \\\n\tX(foo) \\\n\tX(bar)\n')
for name in foo bar; do
    write "src/sensor/$name.c" < <(printf 'const struct jm_sensor_driver jm_sensor_%s = {0};\n' "$name")
    write "tests/sensor/test_$name.c" < <(printf 'cmocka_unit_test(x)\n')
done
passes check-tests "complete drivers pass"
rm "$tree/tests/sensor/test_bar.c"
finds check-tests "src/sensor/sensor_list.h:4: sensor bar has no test" "a missing test is found"
write tests/sensor/test_bar.c < <(printf 'int main(void) { return 0; }\n')
finds check-tests "tests/sensor/test_bar.c:1: holds no test" "an empty test is found"
write tests/sensor/test_bar.c < <(printf 'cmocka_unit_test(x)\n')
rm "$tree/src/sensor/foo.c"
finds check-tests "src/sensor/sensor_list.h:3: sensor foo has no src/sensor/foo.c" "a missing source is found"
write src/sensor/foo.c < <(printf '\nconst struct jm_sensor_driver jm_sensor_foo = {0};\n')
write src/export/csv.c < <(printf 'const struct jm_exporter jm_exporter_csv = {0};\n')
finds check-tests "src/export/csv.c:1: exporter csv is not in" "an unregistered exporter is found"
rm "$tree/src/export/csv.c"
write src/trace/trace_list.h < <(printf '#define JM_TRACE_LIST(X) X(kineto)\n')
finds check-tests "importer kineto has no test: tests/trace/test_kineto.c" "an importer without a test is found"
exit "$failures"
