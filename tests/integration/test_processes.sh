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
# Records of the program itself, both generations, shares above one and a torn end: in, reported, out again.
cat >records.py <<'END'
import json, sys
def record(t, cpu, gpu=None):
    metrics = {'cpu': cpu}
    if gpu:
        metrics['gpu'] = gpu
    print(json.dumps({'date': '2030-01-01 00:00:%09.6f' % t, 'metrics': metrics}))
for k in range(10):
    uses = {'42': 0.5, '43': 0.25} if k != 4 else {'42': 0.8, '43': 0.4}
    cpu = {'per_process_cpu_uses': uses, 'per_process_mem_use_abs': {'42': 3000, '43': 1000},
           'per_process_mem_use_percent': {'42': 0.3, '43': 0.1}, 'per_process_mem_use_uss': {'42': 2000, '43': 500},
           'intel_power': 40.0 + k, 'psys_power': -1, 'total_cpu_power': 30.0, 'total_dram_power': 2.0}
    if sys.argv[1] == 'new':
        cpu['absolute_cpu_time_per_pid'] = {p: u * 1.6 for p, u in uses.items()}
    record(k * 0.5, cpu, {'nvidia_draw_absolute': 100.0, 'per_gpu_power_draw': {'0': 30.0, '1': 70.0},
                          'per_gpu_per_pid_utilization_absolute': {'0': {}, '1': {'42': 0.6, '99': 0.2}},
                          'per_gpu_attributable_mem_use': {'0': {}, '1': {'42': 77}}})
print('"END OF RECORDING SEGMENT"')
print('{"date": "2030-01-01 00:00:0', end='')
END
cat >same.py <<'END'
import json, sys
def load(name):
    lines = [l for l in open(name) if l.endswith('\n')]
    return {r['date']: r['metrics'] for r in map(json.loads, lines) if isinstance(r, dict)}
def flat(d, path=''):
    for k, v in d.items():
        yield from flat(v, path + '/' + k) if isinstance(v, dict) else [(path + '/' + k, v)]
a, b = load(sys.argv[1]), load(sys.argv[2])
assert len(b) == len(a) - 1, (len(a), len(b))  # nobody knows when the first record began
for date, metrics in b.items():
    was, now = dict(flat(a[date])), dict(flat(metrics))
    use = sum(v for k, v in was.items() if 'per_process_cpu_uses' in k)
    assert sum(v for k, v in now.items() if 'per_process_cpu_uses' in k) <= 1 + 1e-9
    for key, value in was.items():
        if value == -1 or '/99' in key:
            assert key not in now
            continue
        if 'cpu_uses' in key or 'rel_intel' in key or 'per_process_cpu_power' in key:
            value /= max(1, use)
        assert abs(now[key] - value) <= 1e-6 * max(1, abs(value)), (date, key, value, now[key])
END
for generation in old new; do
    python3 records.py $generation >$generation.json
    check "records of the $generation generation are read" exits 0 "$JM" import $generation.json -o $generation.jmap
    check "shares above one are told" says err 'more than one in 1 records'
    check "its processes are reported" exits 0 "$JM" report $generation.jmap --by process --format json
    cp "$WORK/out" $generation.report
    check "with shares, bounds and sums as they must be" python3 - $generation <<'END'
import json, sys
r = json.load(open(sys.argv[1] + '.report'))
def row(channel, pid):
    return [p for p in r['processes'] if p['channel'] == 'import/aipowermeter/' + channel and p['pid'] == pid][0]
a, b, total = row('package', 42), row('package', 43), [c for c in r['process_closure'] if c['channel'].endswith('/package')][0]
assert abs(a['energy_j'] / b['energy_j'] - 2) < 1e-6, (a, b)
assert 0.49 < a['share'] < 0.53, a
assert (a['cpu_s'] is None) == (sys.argv[1] == 'old'), a
gpu = row('gpu-1', 42)
assert abs(gpu['share'] - 0.75) < 0.2 and gpu['energy_ci_j'][0] < 0.7 * gpu['energy_ci_j'][1], gpu
for c in r['process_closure']:
    parts = [p for p in r['processes'] if p['channel'] == c['channel']]
    assert sum(p['share'] or 0 for p in parts) <= 1 + 1e-9, c
    assert abs(c['total_j'] - sum(p['energy_j'] or 0 for p in parts) - c['idle_j'] - c['unattributed_j']) <= 0.001 * c['total_j'], c
END
    check "written again" exits 0 "$JM" export $generation.jmap --format aipowermeter -o $generation.again.json
    check "they are the same, absent values absent, shares within one" python3 same.py $generation.json $generation.again.json
    check "and once more" exits 0 "$JM" import -q $generation.again.json -o $generation.again.jmap
    check "they stay so" sh -c "'$JM' export $generation.again.jmap --format aipowermeter -o third.json -f &&
        python3 same.py $generation.again.json third.json"
done
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
check "a storm of forks is measured" exits 0 timeout 120 "$JM" record -s estimate -o storm.jmap -- \
    sh -c 'i=0; while [ $i -lt 400 ]; do /bin/true & i=$((i + 1)); done; wait'
check "and adds up" sh -c "'$JM' report storm.jmap --format json | python3 -c \"
import json, sys
r = json.load(sys.stdin)
c = r['process_closure'][0]
assert abs(c['total_j'] - c['parts_j'] - c['idle_j'] - c['unattributed_j']) <= 0.001 * c['total_j'], c
assert sum(p['share'] for p in r['processes'] if p['channel'] == c['channel']) <= 1 + 1e-9
assert sum(p['cpu_s'] for p in r['processes'] if p['pid']) > 0
\""
check "orphans are followed" exits 0 timeout 60 "$JM" record -s estimate -o h.jmap -- sh orphan.sh
check "they are in the account" sh -c "'$JM' report h.jmap --by process | grep -q 'python3 -c'"
finish
