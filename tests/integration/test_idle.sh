# joulemap idle: levels of several sensors, measured one after the other, and what killed runs leave.
. "$SOURCE/tests/integration/lib.sh"

meter='exec:while :; do echo 50; sleep 0.02; done'
level() { "$JM" report "$1" --format json | python3 -c 'import json, sys
for c in json.load(sys.stdin)["channels"]: print(c["name"].split("/")[0], c["idle_power_w"] is not None)'; }

check "both sensors are recorded" exits 0 "$JM" record -q -s "estimate,$meter" -i 20ms -d 1 -o both.jmap
check "one is measured idle" exits 0 "$JM" idle -q -f -i 20ms -d 1 -s estimate
check "it alone has a level" [ "$(level both.jmap | sort | tr '\n' ' ')" = "estimate True exec False " ]
check "the other one, too" exits 0 "$JM" idle -q -f -i 20ms -d 1 -s "$meter"
check "then both have one" [ "$(level both.jmap | sort | tr '\n' ' ')" = "estimate True exec True " ]
check "the report says so" sh -c "'$JM' report both.jmap | grep -q \"from this machine's idle recordings\""
check "the meter's level is its own" sh -c "'$JM' report both.jmap | grep -q 'exec.*: 50.* W when idle'"
check "measured again, a sensor has one recording" exits 0 "$JM" idle -q -f -i 20ms -d 0.5 -s estimate
check "and not two" [ "$(ls data/joulemap/idle-*.jmap | wc -l)" -eq 2 ]

: >script.replay
check "replayed sensors are no idle machine" exits 1 "$JM" idle -d 1 -s replay:script.replay
check "the reason is given" says err 'say nothing of how this machine idles'
check "and what to do instead" says err '--baseline'

file=$(ls data/joulemap/idle-*-estimate.jmap)
touch -d '2 hours ago' "${file%.jmap}-old.jmap.partial" "${file%.jmap}-old.jmap.partial-wal" "${file%.jmap}-old.jmap.partial-shm"
touch "${file%.jmap}-new.jmap.partial-wal" other.jmap.partial
"$JM" idle -q -f -d 30 -s estimate >/dev/null 2>&1 &
pid=$!
while ! ls data/joulemap/*-estimate.jmap.partial-wal >/dev/null 2>&1; do :; done
kill -9 $pid
wait $pid 2>/dev/null
check "a killed run leaves its files" [ -e "$file.partial" ]
check "those of hours ago went at its start" [ "$(ls data/joulemap/*old* 2>/dev/null | wc -l)" -eq 0 ]
check "those of a moment ago stay, they may be in use" [ -e "${file%.jmap}-new.jmap.partial-wal" ]
check "the level of before still stands" [ "$(level both.jmap | sort | tr '\n' ' ')" = "estimate True exec True " ]
check "the next run takes its files over" exits 0 "$JM" idle -q -f -i 20ms -d 0.5 -s estimate
check "and leaves none" [ "$(ls data/joulemap/*-estimate.jmap.partial* 2>/dev/null | wc -l)" -eq 0 ]

# A machine at work: its count of idle time stands still.
mkdir -p tree/proc
printf 'cpu  0 0 0 1000 0 0 0 0\ncpu0 0 0 0 1000 0 0 0 0\n' >tree/proc/stat
check "a machine at work is not taken for idle" exits 1 env JOULEMAP_ROOT=$PWD/tree "$JM" idle -i 20ms -d 0.4 -s "$meter"
check "how much it was at work is said" says err 'at work 100 % of the time'
check "and what to do" says err 'force keeps the level all the same'
rm -rf data
check "nothing is kept" exits 1 env JOULEMAP_ROOT=$PWD/tree "$JM" idle -q -i 20ms -d 0.4 -s "$meter"
check "not a file" [ -z "$(ls data/joulemap/ 2>/dev/null)" ]
check "unless asked for" exits 0 env JOULEMAP_ROOT=$PWD/tree "$JM" idle -q -f -i 20ms -d 0.4 -s "$meter"
check "with a warning" says err 'warning: the machine was not idle'
JOULEMAP_ROOT=$PWD/tree "$JM" record -q -i 20ms -s "$meter" -d 0.4 -o busy.jmap 2>/dev/null
check "reports say so, too" sh -c "JOULEMAP_ROOT=$PWD/tree '$JM' report busy.jmap | grep -q 'at work 100 % of the time: too high'"
finish
