# calibrate as a user calls it: what it refuses, and what it keeps.
. "$SOURCE/tests/integration/lib.sh"
# Other tests make temporary recordings meanwhile: a folder of our own shows only ours.
mkdir tmp && export TMPDIR=$WORK/tmp

check "calibrate has help" exits 0 "$JM" calibrate --help
check "it has examples" says out 'Examples:'
check "an estimate has nothing to calibrate" exits 1 "$JM" calibrate estimate
check "it says why" says err 'estimate'
check "it says what to do" says err 'try:'
check "an unknown sensor is refused" exits 1 "$JM" calibrate nonsense
check "it is named" says err 'nonsense'
check "two choices are one too many" exits 2 "$JM" calibrate estimate -s estimate
check "--told is nothing without --load" exits 2 "$JM" calibrate estimate --told
check "no time of zero" exits 2 "$JM" calibrate --seconds 0
check "one sensor only" exits 2 "$JM" calibrate estimate rapl

# A meter that follows nothing: played, refused with the reason, nothing kept.
meter='exec:while :; do echo 50; sleep 0.02; done'
check "a meter that does not move is refused" exits 1 "$JM" calibrate -q -s "$meter" --threads 1 --seconds 1 --steady 0.1 --json
check "the result is JSON" sh -c "python3 -m json.tool <out >json"
check "it says what it is" says json '"format": "joulemap-calibrations/1"'
check "its family is unknown" says json '"family": "unknown"'
check "the reason stands there" says json 'the load moved it by\|no response\|too few\|only .* updates'
check "nothing is kept" [ -z "$(find "$XDG_DATA_HOME" -name '*.json' 2>/dev/null)" ]
check "no temporary recording is left" [ -z "$(find "$TMPDIR" -maxdepth 1 -name 'joulemap-??????')" ]

# Ctrl-C ends it cleanly.
TMPDIR="$WORK" "$JM" calibrate -q -s "$meter" --threads 1 --seconds 60 2>stopped &
pid=$!
while [ -z "$(find "$WORK" -name 'calibrate.jmap')" ] && kill -0 $pid; do :; done
kill -INT $pid
wait $pid
check "a stop is a failure" [ $? -eq 1 ]
check "it is said" grep -q stopped stopped
check "a stop leaves no recording" [ -z "$(find "$WORK" -name '*.jmap*')" ]
finish
