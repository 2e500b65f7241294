# Replayed sensors of known power, through every stage to the report.
. "$SOURCE/tests/integration/lib.sh"

field() { # field FILE PYTHON-EXPRESSION over the report r
    python3 -c "
import json, math, sys
r = json.load(open('$1'))
c = {x['name']: x for x in r['channels']}
closure = {x['channel']: x for x in r['closure']}
assert $2, (r['warnings'], c, closure)"
}

cat >steady.txt <<'S'
sensor board
channel total power gauge domain=platform period=1ms accuracy=0.02
channel gpu power gauge domain=gpu part_of=total period=1ms
sensor counter
channel energy energy counter domain=package wrap=1000 period=1ms interpolate=yes
0   total 12
0   gpu 5
0   energy 999
60s energy 1599
S
check "a steady load is recorded" exits 0 "$JM" record -s replay:steady.txt -i 5ms -d 1 -o a.jmap
check "it is reported" sh -c "'$JM' report a.jmap --baseline none --format json >a.json"
check "a gauge of 12 W gives 12 W" field a.json "abs(c['replay/total']['mean_power_w'] - 12) < 1e-6"
check "its energy is power times seen time" field a.json \
    "abs(c['replay/total']['energy_j'] - 12 * (r['run']['duration_s'] - c['replay/total']['gap_s'])) < 1e-3"
check "a counter that wraps goes on at 10 W" field a.json "abs(c['replay/energy']['mean_power_w'] - 10) < 0.2"
check "what is part of another is not added to it" field a.json "c['replay/gpu']['part_of'] == 'replay/total'"
# A 95 % interval misses once in twenty; twice its width, never.
check "the truth is near the interval" field a.json \
    "abs(10 * (r['run']['duration_s'] - c['replay/energy']['gap_s']) - c['replay/energy']['energy_j']) \
     <= c['replay/energy']['energy_ci_j'][1] - c['replay/energy']['energy_ci_j'][0]"
check "parts add up to the whole" field a.json \
    "all(abs(x['total_j'] - x['parts_j'] - x['idle_j'] - x['unattributed_j'] - x['residual_j']) < 1e-9 * x['total_j'] for x in r['closure'])"
check "a whole run has no warning" field a.json \
    "r['warnings'] == [] or any(x['ledger']['missed'] for x in r['channels'])"

# A meter that gives 2 % of what was asked: the seed's failure.
cat >slow.txt <<'S'
sensor meter mode=buffer drain=50ms
channel power power gauge domain=gpu
0    power 70
2.5s power 71
S
check "a slow meter is recorded" exits 0 "$JM" record -s replay:slow.txt -i 20ms -d 1 -o b.jmap
check "its report is printed" exits 0 "$JM" report b.jmap
check "the first line says that readings are missing" sh -c "head -1 out | grep -q 'warning:.*readings.* came'"

# A sensor that dies: a gap, no repeated value.
cat >dies.txt <<'S'
channel power power gauge domain=gpu period=1ms
0    power 50
0.4s error gone
S
check "a dying sensor does not end the run" exits 0 "$JM" record -s replay:dies.txt -i 5ms -d 1.2 -o c.jmap
check "its loss is said" says err 'lost'
check "the report says so, too" sh -c "'$JM' report c.jmap --format json >c.json && grep -q 'was lost' c.json"
check "the time behind it is a gap" field c.json "c['replay/power']['gap_s'] > 0.5"
check "its energy is of the time seen" field c.json "c['replay/power']['energy_j'] < 50 * 0.6"
finish
