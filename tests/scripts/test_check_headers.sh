#!/usr/bin/env bash
# check-headers finds a header that needs another one before it, and a public one that C++ refuses.
. "$(dirname "$0")/common.sh"
write include/joulemap/joulemap.h < <(printf '#include <stddef.h>\nsize_t jm_size(void);\n')
write src/core/good.h < <(printf '#include <stdint.h>\nstruct good { int64_t x; };\n')
passes check-headers "headers that stand alone pass"
write src/core/bad.h < <(printf 'struct bad { int64_t x; };\n')
finds check-headers "src/core/bad.h:1: does not compile alone" "a header that needs another is found"
rm "$tree/src/core/bad.h"
write include/joulemap/joulemap.h < <(printf 'int jm_make(int class);\n')
finds check-headers "joulemap.h:1: does not compile alone" "a C++ keyword in the public header is found"
write include/joulemap/joulemap.h < <(printf 'struct jm_x { int n; int values[0]; };\n')
finds check-headers "joulemap.h:1: does not compile alone" "an extension in the public header is found"
rm -r "$tree/include" "$tree/src"
finds check-headers "no header found" "an empty tree is no success"
exit "$failures"
