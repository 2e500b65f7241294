# What measuring itself takes: in every result, and its energy by comparison on request.
. "$SOURCE/tests/integration/lib.sh"

mkdir tmp
export TMPDIR=$WORK/tmp

# A meter that knows how often it was started: 10 W where few readings are taken, 11 W where all are.
cat >meter <<'END'
#!/bin/sh
echo >>"$1"
case $(wc -l <"$1") in
1 | 2 | 5 | 6) watts=10 ;;
*) watts=11 ;;
esac
while echo $watts; do sleep 0.005; done
END
chmod 755 meter
stat() { "$JM" stat -i 2ms -s "exec:period=5ms;$WORK/meter $WORK/starts" "$@"; }

check "stat says what it took itself" exits 0 "$JM" stat -s estimate -- true
check "in time and memory" says out '^own cost  *[0-9.]* s processor time, [0-9.]* % of one core, [0-9.]* MiB resident'
check "and nothing of energy unless it is asked" sh -c '! grep "^own energy" out'
: >starts
check "the energy is found by comparison" exits 0 stat --own-cost 3 -- sleep 0.5
check "the command ran seven times" [ "$(wc -l <starts)" -eq 7 ]
check "the difference is that of the meter, and of all readings" says out '^own energy  +1.11 W \['
check "with the runs it comes from" says out '3 rounds, readings each 2 ms and each 20 ms'
check "no recording is left" [ -z "$(ls -A tmp)" ]
printf '#!/bin/sh\nwhile echo 10; do sleep 0.005; done\n' >meter
check "where there is none" exits 0 stat --own-cost 3 -- sleep 0.5
check "it says so" says out 'no cost is shown: the interval holds zero'
check "a run that is too short gives none" exits 0 stat --own-cost 3 -- true
check "and says why" says out '^own energy  unknown: a run is too short'
check "two rounds are too few" exits 2 stat --own-cost 2 -- true
check "a command that fails ends it" exits 3 stat --own-cost 3 -- sh -c 'exit 3'
check "at once" sh -c '! grep "own energy" out'
finish
