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

printf 'unsupported=,nvmlDeviceGetSamples,nvmlDeviceGetTotalEnergyConsumption,\nbase_mw=150000\n' >script
check "without buffer and counter the instant power is used" exits 0 "$JM" record -s nvml -i 100ms -d 1 -o b.jm
check "its report is made" sh -c "'$JM' report b.jm --baseline none --format json >b.json"
check "the instant power is counted" field b.json \
    "c['nvml/gpu0/power_instant']['same_as'] is None and abs(c['nvml/gpu0/power_instant']['mean_power_w'] - 150) < 1e-6"

printf 'lost_after=40\n' >script
check "a GPU lost mid-run does not end the run" exits 0 "$JM" record -s nvml -i 20ms -d 1 -o c.jm
check "the recording is whole" sh -c "'$JM' report c.jm --format json >c.json"

JOULEMAP_NVML=/no/such/library.so
check "a missing library is said" sh -c "'$JM' sensors 2>&1 | grep -q 'NVIDIA management library'"
finish
