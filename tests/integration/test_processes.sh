# Who used it: record a command's processes, attach to running ones, report by process and container.
. "$SOURCE/tests/integration/lib.sh"

# A script that works for a while, whatever the machine does: two processes, one with thrice the processor time of the other.
cat >work.py <<'END'
import os, sys, time
def burn(s):
    while time.process_time() < s:
        pass
if os.fork() == 0:
    burn(0.9)
    os._exit(0)
burn(0.3)
os.wait()
END

check "record watches its command" exits 0 "$JM" record -s estimate:idle=0,max=30 -i 20ms -o a.jmap -- python3 work.py
check "report by process" exits 0 "$JM" report a.jmap --by process
check "it shows the command" says out 'python3 work.py'
check "it shows those that are not watched" says out 'other processes'
check "it says what processor time was weighted by, and why" says out 'split  *by processor time .*\(not by\|neither\)'
check "it shows the sum" says out 'sum check .*= processes .* + other processes .* + idle .* + unattributed'
check "time alone can be asked for" sh -c "'$JM' report a.jmap --by process --weigh time | grep -q 'processor time alone.*as asked for'"
check "no other weight" exits 1 "$JM" report a.jmap --by process --weigh mass
check "report by container" exits 0 "$JM" report a.jmap --by container
check "processes without a container are said to be so" says out 'no container'
check "JSON has the processes" sh -c "'$JM' report a.jmap --format json >json"
check "times, shares and sums are right" python3 - <<'END'
import json
r = json.load(open('json'))
rows = r['processes']
# The interpreter may be found by a script, of the same command line.
mine = sorted((p for p in rows if p['pid'] and 'work.py' in (p['command'] or '')), key=lambda p: p['cpu_s'])[-2:]
assert len(mine) == 2, mine
# What a process took is known to it and to us: the tail behind the last look is in the parent's count.
total = sum(p['cpu_s'] for p in rows if p['pid'])
assert 1.15 < total < 1.8, total
assert mine[1]['cpu_s'] > 1.4 * mine[0]['cpu_s'], mine
for c in r['process_closure']:
    parts = sum(p['energy_j'] for p in rows if p['channel'] == c['channel'])
    assert abs(parts - c['parts_j']) <= 1e-9 * max(1, parts), c
    assert abs(c['total_j'] - c['parts_j'] - c['idle_j'] - c['unattributed_j']) <= 0.001 * c['total_j'], c
    assert sum(p['share'] for p in rows if p['channel'] == c['channel']) <= 1 + 1e-9
assert r['containers'], 'no containers'
END
check "CSV by process" sh -c "'$JM' report a.jmap --by process --format csv >csv && python3 -c \"
import csv
rows = list(csv.DictReader(open('csv')))
assert any('work.py' in r['command'] for r in rows), rows
\""
check "AIPowerMeter's records are written" exits 0 "$JM" export a.jmap --format aipowermeter -o power_metrics.json
check "nothing is overwritten" exits 1 "$JM" export a.jmap --format aipowermeter -o power_metrics.json
check "and read" exits 0 "$JM" import power_metrics.json -o round.jmap
check "each line is JSON, shares are at most one, absent is absent, and the energy comes back" python3 - <<'END'
import json, subprocess
lines = [json.loads(l) for l in open('power_metrics.json')]
assert lines[-1] == 'END OF RECORDING SEGMENT'
for l in lines[:-1]:
    cpu = l['metrics']['cpu']
    assert sum(cpu['per_process_cpu_uses'].values()) <= 1 + 1e-9, l
    assert 'psys_power' not in cpu and 'gpu' not in l['metrics']
def energy(name):
    out = subprocess.run([__import__('os').environ['JM'], 'report', name, '--format', 'json'], capture_output=True)
    return json.loads(out.stdout)['channels'][0]['mean_power_w']
a, b = energy('a.jmap'), energy('round.jmap')
assert abs(a - b) < 0.25 * a, (a, b)
END
head -c -60 power_metrics.json >torn.json
check "a torn last line is read, too" exits 0 "$JM" import torn.json -o torn.jmap
check "a recording without processes has no records" sh -c "'$JM' record -s estimate --processes none -o n.jmap -- true; \
    ! '$JM' export n.jmap --format aipowermeter 2>err"
check "that is said" says err 'no processes were recorded'
check "a command that ends at once is counted" exits 0 "$JM" record -s estimate -o b.jmap -- true
check "its report can be made" exits 0 "$JM" report b.jmap --by process
check "processes can be left out" exits 0 "$JM" record -s estimate --processes none -o c.jmap -- true
check "then the report says so" exits 0 "$JM" report c.jmap --by process
check "in words" says out 'no processes were recorded'
check "all processes" exits 0 "$JM" record -s estimate --processes all -d 0.4 -o d.jmap
check "are reported" exits 0 "$JM" report d.jmap --by process

sleep 30 &
sleeper=$!
check "attach and detach" exits 0 "$JM" record -s estimate -p $sleeper -d 0.3 -o e.jmap
check "the process lives on" kill -0 $sleeper
check "and is in the report" sh -c "'$JM' report e.jmap --by process | grep -q 'sleep 30'"
kill $sleeper
sh -c 'sleep 3' &
check "attaching ends when all are gone" exits 0 timeout 60 "$JM" record -s estimate -p $! -o f.jmap
check "a process that is not there is refused" exits 1 "$JM" record -s estimate -p 99999999 -d 1 -o g.jmap
check "it is named" says err 'no process 99999999'
check "no recording is left of it" [ ! -e g.jmap ]
check "no nonsense" exits 1 "$JM" record -s estimate -p x -d 1 -o g.jmap
check "not both" exits 2 "$JM" record -s estimate -p 1 -o g.jmap -- true

# An orphan of the command stays the command's.
cat >orphan.sh <<'END'
(python3 -c 'import time
while time.process_time() < 0.5: pass
open("done", "w")' &)
while [ ! -e done ]; do sleep 0.1; done
END
check "orphans are followed" exits 0 timeout 60 "$JM" record -s estimate -o h.jmap -- sh orphan.sh
check "they are in the account" sh -c "'$JM' report h.jmap --by process | grep -q 'python3 -c'"
finish
