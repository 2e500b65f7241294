# The stand-in NVML library through the program: from the sample buffer to the report. No GPU is needed.
. "$SOURCE/tests/integration/lib.sh"

export JOULEMAP_NVML="$BUILD/fakes/fake_nvml.so" JM_FAKE_NVML="$PWD/script"

field() { # field FILE PYTHON-EXPRESSION over the report r
    python3 -c "
import json
r = json.load(open('$1'))
c = {x['name']: x for x in r['channels']}
assert $2, (r['warnings'], c)"
}

printf 'gpus=2\nbase_mw=200000\n' >script
check "both GPUs are listed" sh -c "'$JM' sensors | grep -q 'nvml/gpu1/power '"
check "the GPUs are recorded" exits 0 "$JM" record -s nvml -i 20ms -d 1 -o a.jm
check "a report is made" sh -c "'$JM' report a.jm --baseline none --format json >a.json"
check "the sample buffer gives each GPU's power" field a.json \
    "abs(c['nvml/gpu0/power']['mean_power_w'] - 200.0045) < 0.01 and abs(c['nvml/gpu1/power']['mean_power_w'] - 201.0045) < 0.01"
check "the counters are the same, not more" field a.json \
    "all(c[f'nvml/gpu{i}/energy']['same_as'] == f'nvml/gpu{i}/power' for i in (0, 1))"

check "no sample is missing" field a.json \
    "all(c[f'nvml/gpu{i}/power']['ledger']['missed'] == 0 and c[f'nvml/gpu{i}/power']['ledger']['taken'] >= 48 for i in (0, 1))"
check "what tells nothing new is not recorded" field a.json "not any('instant' in x or 'average' in x or 'usage' in x for x in c)"
check "readings and counter agree" field a.json \
    "all(abs(d['cross_check']['difference_fraction']) <= d['cross_check']['allowed_fraction'] + 0.006 for d in r['devices'])"
check "each GPU has its identity" field a.json \
    "all(d['identity'].endswith('-0000-%012d, PCI 00000000:%02d:00.0' % (i, i)) for i, d in enumerate(r['devices']))"
check "a named twin is recorded" exits 0 "$JM" record -s nvml/gpu0/power_instant -i 100ms -d 0.5 -o twin.jm
check "of its GPU alone" sh -c "! '$JM' report twin.jm | grep -q 'device  *nvml/gpu1'"
check "and counted" sh -c "'$JM' report twin.jm --format csv | grep -q nvml/gpu0/power_instant || '$JM' report twin.jm | grep -q 'power_instant *measured'"

printf 'gpus=2\nheld_ppm=310000\nheld_brake_ppm=100000\nmig=1\nmig_instances=3\n' >script
check "a throttled GPU is recorded" env CUDA_VISIBLE_DEVICES=1 "$JM" record -s nvml -d 2 -o t.jm
check "its reports are made" sh -c "'$JM' report t.jm >t.txt && '$JM' report t.jm --format json >t.json"
check "the report says how long the power cap held" grep -Eq 'throttled (2[789]|3[0-4])(\.[0-9])? % of the time \(power cap\)' t.txt
check "and so does JSON" field t.json \
    "all(h['source'] == 'counter' and 0.26 < h['share'] < 0.36 for d in r['devices'] for h in d['throttled'] if h['cause'] == 'power cap')"
check "MIG is said" grep -q 'board power is shared by 3 MIG instances' t.txt
check "CUDA_VISIBLE_DEVICES is said" grep -q 'CUDA_VISIBLE_DEVICES was "1"' t.txt

printf 'unsupported=,nvmlDeviceGetSamples,nvmlDeviceGetTotalEnergyConsumption,\nbase_mw=150000\n' >script
check "without buffer and counter the instant power is used" exits 0 "$JM" record -s nvml -i 100ms -d 1 -o b.jm
check "its report is made" sh -c "'$JM' report b.jm --baseline none --format json >b.json"
check "the instant power is counted" field b.json \
    "c['nvml/gpu0/power_instant']['same_as'] is None and abs(c['nvml/gpu0/power_instant']['mean_power_w'] - 150) < 1e-6"

printf 'lost_after=40\n' >script
check "a GPU lost mid-run does not end the run" exits 0 "$JM" record -s nvml -i 20ms -d 1 -o c.jm
check "the recording is whole" sh -c "'$JM' report c.jm --format json >c.json"

printf 'gpus=2\nlost_after=60\nlost_gpu=1\n' >script
check "one of two GPUs is lost" sh -c "'$JM' record -s nvml -d 2 -o d.jm 2>&1 | grep -q 'nvml/gpu0 was lost'"
check "the other one is recorded to the end" sh -c "'$JM' report d.jm --format json >d.json"
check "its readings are whole" field d.json \
    "c['nvml/gpu1/power']['ledger']['missed'] == 0 and c['nvml/gpu1/power']['gap_s'] < 0.05 and c['nvml/gpu0/power']['gap_s'] > 1"
check "the report says which was lost" field d.json "any('nvml/gpu0 was lost' in w for w in r['warnings']) and not any('gpu1' in w for w in r['warnings'])"

JOULEMAP_NVML=$BUILD/fakes/fake_nvml_old.so
check "an old library without fields and buffer serves" exits 0 "$JM" record -s nvml -i 50ms -d 0.5 -o old.jm
check "and says why the old call is used" sh -c "'$JM' report old.jm | grep -q 'sample buffer is not known to this library'"

JOULEMAP_NVML=/no/such/library.so
check "a missing library is said" sh -c "'$JM' sensors 2>&1 | grep -q 'NVIDIA management library'"
finish
