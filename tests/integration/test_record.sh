# record, stat and report as a user calls them, with the estimate that every machine has.
. "$SOURCE/tests/integration/lib.sh"

check "stat passes the exit code of the command on" exits 7 "$JM" stat -s estimate -- sh -c 'exit 7'
check "stat prints a summary" exits 0 "$JM" stat -s estimate -- sleep 0.3
check "the summary marks the estimate" says out 'estimate/cpu *estimated'
check "record runs a command" exits 3 "$JM" record -s estimate -i 20ms -o a.jmap -- sh -c 'sleep 0.3; exit 3'
check "a recording is one file" [ "$(ls a.jmap*)" = a.jmap ]
check "report reads it" exits 0 "$JM" report a.jmap
check "report shows the command" says out "sh -c 'sleep 0.3; exit 3'"
check "report shows the exit code" says out 'exit code *3'
check "JSON is JSON" sh -c "'$JM' report a.jmap --format json | python3 -m json.tool >json"
check "JSON says what it is" says json '"format": "joulemap-report/1"'
check "JSON marks the estimate" says json '"state": "estimated"'
check "JSON gives an interval for the estimate" python3 -c "
import json
c = [c for c in json.load(open('json'))['channels'] if c['energy_j'] is not None]
assert c, 'no channel with energy'
low, high = c[0]['energy_ci_j']
assert 0 <= low <= c[0]['energy_j'] <= high, c[0]"
check "nothing is overwritten" exits 1 "$JM" record -s estimate -d 0.1 -o a.jmap
check "the refusal says what to do" says err 'force'
check "--force overwrites" exits 0 "$JM" record -s estimate -i 20ms -d 0.2 -f -o a.jmap
check "a missing command is 127" exits 127 "$JM" record -s estimate -o b.jmap -- ./no-such-command
check "the missing command is named" says err 'no-such-command'
check "a missing command leaves no recording" [ ! -e b.jmap ]
printf 'no program' >plain && chmod 644 plain
check "a file that is no program is 126" exits 126 "$JM" record -s estimate -o b.jmap -- ./plain
check "an unknown sensor is refused" exits 1 "$JM" record -s nonsense -d 0.1 -o b.jmap
check "the unknown sensor is named" says err 'nonsense'
check "a folder that is not there is said" exits 1 "$JM" record -s estimate -d 0.1 -o nowhere/b.jmap
check "a sensor named twice is refused" exits 1 "$JM" record -s estimate,estimate -d 0.1 -o b.jmap
check "and named" says err 'estimate/cpu is named twice'
meter='exec:period=50ms;while :; do echo 5; sleep 0.05; done'
check "two meters have names of their own" exits 0 "$JM" record -s "$meter,$meter" -d 0.3 -o meters.jmap
check "the report has both" exits 0 "$JM" report meters.jmap
check "the second is numbered" says out '^exec/power-2 '
(for _ in 1 2; do "$JM" record -q -s estimate -d 0.1 || exit 1; done)
check "recordings without a name take one each" [ "$(ls joulemap-*.jmap | wc -l)" -ge 2 ]
"$JM" record -q -s estimate -d 60 -o busy.jmap &
pid=$!
while ! "$JM" report busy.jmap >"$WORK/out" 2>&1; do kill -0 $pid || break; done
check "a recording that is being written is not overwritten" exits 1 "$JM" record -s estimate -d 0.1 -f -o busy.jmap
check "who writes it is said" says err "in use by process $pid"
kill -INT $pid
wait $pid
check "afterwards it may be" exits 0 "$JM" record -s estimate -d 0.1 -f -o busy.jmap
# A device that is always full; who is not root cannot make one.
if mknod full c 1 7 2>/dev/null && [ "$(sh -c 'echo text >full' 2>&1 | grep -c 'No space')" = 1 ]; then
    check "what cannot be written is said" exits 1 "$JM" export a.jmap --format json -f -o full
    check "a device that was named stays" [ -c full ]
fi
check "no interval of zero" exits 2 "$JM" record -i 0 -d 1
check "no nonsense interval" exits 2 "$JM" record -i soon -d 1
check "a command without -- is explained" exits 2 "$JM" stat sleep 1
check "it shows where -- goes" says err '-- sleep'
printf 'this is no recording' >text.jmap
check "a text file is no recording" exits 1 "$JM" report text.jmap
check "it is named" says err 'text.jmap'
check "a missing recording is said" exits 1 "$JM" report none.jmap
check "an unknown method is refused" exits 1 "$JM" report a.jmap --method guess
check "an unknown view is refused" exits 1 "$JM" report a.jmap --by colour
for command in sensors record stat idle report; do
    check "$command has help" exits 0 "$JM" "$command" --help
    check "$command has examples" says out 'Examples:'
done
check "sensors prints JSON" sh -c "'$JM' sensors --json | python3 -m json.tool >sensors"
check "sensors lists the estimate" says sensors '"name": "estimate/cpu"'
check "idle is kept" exits 0 "$JM" idle -f -d 0.5 -s estimate
check "a report uses it" exits 0 "$JM" report a.jmap
check "it says whence the level is" says out "idle level  from this machine's idle recording"
# Where the machine was as busy as at the work, the level is said and not used.
check "it gives the level, and the energy above it" says out 'estimate/cpu: .*W when idle\(; .*J above that\|, more than .* of the work\)'
check "JSON gives the level" sh -c "'$JM' report a.jmap --format json | grep -q '\"idle_power_w\":[0-9]'"
check "no baseline is said" sh -c "'$JM' report a.jmap --baseline none | grep -q 'idle level  none: --baseline none'"
cp data/joulemap/idle-*.jmap kept.jmap
"$JM" idle -q -f -d 30 -s estimate >idle.out 2>&1 &
pid=$!
while [ ! -e data/joulemap/idle-*.partial ]; do :; done
kill -INT $pid
wait $pid
check "an interrupted idle run fails" [ $? -eq 1 ]
check "it leaves the older level" cmp -s kept.jmap data/joulemap/idle-*.jmap

# A package whose platform was not asked for is the outermost figure there is.
mkdir -p tree/sys/class/powercap tree/proc
for zone in 0:package-0:1000 1:psys:5000; do
    folder=tree/sys/class/powercap/intel-rapl:${zone%%:*}
    mkdir "$folder"
    name=${zone#*:}
    echo "${name%:*}" >"$folder/name"
    echo "${name#*:}" >"$folder/energy_uj"
    echo 262143328850 >"$folder/max_energy_range_uj"
done
check "one package is recorded" env JOULEMAP_ROOT="$WORK/tree" "$JM" record -q -s rapl_powercap/package-0 -d 0.3 -o p.jmap
check "its sum check is printed" sh -c "'$JM' report p.jmap | grep -q 'sum check   rapl_powercap/package-0'"

# A signal to joulemap reaches the command, and the recording is complete.
"$JM" record -q -s estimate -i 20ms -o s.jmap -- sleep 30 &
pid=$!
while ! pgrep -P $pid sleep >/dev/null; do :; done
kill -TERM $pid
wait $pid
check "a signal is forwarded and its death passed on" [ $? -eq 143 ]
check "the recording of a killed command is whole" exits 0 "$JM" report s.jmap
check "it says how the command ended" says out 'exit code *143'

# kill -9 of joulemap itself: what a reader saw before is there afterwards.
duration() { # of a recording, in seconds; 0 while it cannot be read
    "$JM" report "$1" --format json 2>/dev/null |
        python3 -c 'import json, sys; print(json.loads(sys.stdin.read() or "{\"run\":{\"duration_s\":0}}")["run"]["duration_s"])'
}
at_least() { python3 -c "import sys; sys.exit(not float('$1') >= float('$2'))"; }
"$JM" record -q -s estimate -i 10ms -d 60 -o k.jmap &
pid=$!
seen=0
while kill -0 $pid && ! at_least "$seen" 1; do seen=$(duration k.jmap); done
kill -9 $pid
wait $pid 2>/dev/null
check "a recording can be read while it is written" at_least "$seen" 1
check "a killed recording opens" exits 0 "$JM" report k.jmap
check "it is said to be unfinished" says out 'not closed'
check "nothing that was there is lost" at_least "$(duration k.jmap)" "$seen"

check "a meter that prints no numbers is recorded" exits 0 "$JM" record -q -s 'exec:yes garbage' -i 20ms -d 0.5 -o garbage.jmap
check "and told of at once" says err 'lines that the program printed hold no value; the first is "garbage"; mend:'
check "and in the report" sh -c "'$JM' report garbage.jmap | grep -q 'hold no value'"
check "a slow meter whose period nobody gave" exits 0 \
    "$JM" record -q -s 'exec:while :; do echo 50; sleep 0.4; done' -d 1.2 -o slow.jmap
check "has a remedy in its warning" sh -c "'$JM' report slow.jmap | grep -q 'readings.*mend: say how often the program prints'"
finish
