#!/usr/bin/env bash
# check-style finds what is too long and white space that nobody sees.
. "$(dirname "$0")/common.sh"
repeat() { for ((i = 0; i < $1; i++)); do printf '%s\n' "$2"; done; }
write src/core/good.c < <(printf 'int f(void)\n{\n' && repeat 80 $'\tx();' && printf '}\n')
passes check-style "a function of 80 lines passes"
write src/core/good.c < <(printf 'int f(void)\n{\n' && repeat 81 $'\tx();' && printf '}\n')
finds check-style "src/core/good.c:2: function of 81 lines" "a longer function is found"
write src/core/good.c < <(repeat 501 'int x;')
finds check-style "src/core/good.c:501: file of 501 lines" "a long file is found"
write src/core/good.c < <(printf '\t\t%0160d\n' 0)
finds check-style "src/core/good.c:1: line of 176 columns" "a tab counts eight columns"
write src/core/good.c < <(printf 'int x; \n')
finds check-style "src/core/good.c:1: white space at the end" "white space at the end of a line is found"
write src/core/good.c < <(printf 'int x;')
finds check-style "src/core/good.c:1: no newline" "a last line without its end is found"
exit "$failures"
