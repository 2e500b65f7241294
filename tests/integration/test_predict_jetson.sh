# The historic project's own fixtures: features, power and runtime as its scripts make them, and its engines.
. "$SOURCE/tests/integration/lib.sh"
data="${JM_SHARED:-$SOURCE/../shared/data}/jetson"
[ -e "$data" ] || data="$SOURCE/../../shared/data/jetson"
if [ ! -e "$data/convolutional.csv" ]; then
    echo "SKIP: the shared data (jetson) is not here"
    exit 77
fi
mapped="$data/example_preprocessed_data"
check "--compat builds from mapped layers" exits 0 "$JM" dataset build "$mapped" -o historic --compat --per-layer-measurements 1
check "and corrected" exits 0 "$JM" dataset build "$mapped" -o corrected --per-layer-measurements 1
check "features are those expected, and means those of the fixture" python3 - "$mapped" <<'P'
import csv, json, os, sys
expected = json.load(open(os.path.join(sys.argv[1], "model1", "expected_features.json")))
stats = {k: {r["layer_name"]: float(r["mean"]) for r in csv.DictReader(open(os.path.join(sys.argv[1], "model1", f"model1_average_{k}_stats.csv")))}
         for k in ("power", "run_time")}
for kind in "convolutional", "pooling":
    (row,) = csv.DictReader(open(f"historic/model1/{kind}.csv"))
    assert list(row) == [*expected[kind], "power", "runtime", "layer_name"], list(row)
    assert {k: int(row[k]) for k in expected[kind]} == expected[kind], row
    assert float(row["power"]) == stats["power"][row["layer_name"]], row
    assert abs(float(row["runtime"]) - stats["run_time"][row["layer_name"]]) < 1e-12, row
# The fixture enshrines a 3 x 3 pooling as 55 x 55; corrected it is what the engine says.
(row,) = csv.DictReader(open("corrected/model1/pooling.csv"))
assert (row["kernel_0"], row["kernel_1"], row["input_size_1"]) == ("3", "3", "55"), row
P
check "the default threshold passes over the whole network" sh -c "! '$JM' dataset build '$mapped' -o x --compat 2>err"
check "and says so" says err 'model1: passed over whole'
check "raw data build, both ways" sh -c "'$JM' dataset build '$data/example_raw_data' -o raw --per-layer-measurements 1 &&
    '$JM' dataset build '$data/example_raw_data' -o raw_compat --per-layer-measurements 1 --compat"
check "with the powers of the fixtures" python3 - "$data/example_raw_data" <<'P'
import csv, glob, json, os, sys
for tree in "raw", "raw_compat":
    for name in "simple", "multiple_readings", "multiple_layers":
        want = {x["layer_name"]: x for x in json.load(open(os.path.join(sys.argv[1], name, "expected_metrics_by_cycle.json")))}
        have = {r["layer_name"]: r for p in glob.glob(f"{tree}/{name}/*.csv") for r in csv.DictReader(open(p))}
        assert set(have) == set(want), (have, want)
        for k, x in want.items():
            assert float(have[k]["power"]) == x["layer_power_excluding_idle_power_micro_watt"], have[k]
            assert float(have[k]["runtime"]) == x["layer_run_time"], have[k]
P
mkdir -p real/mobilenet_v2
cp "$data/convolutional.csv" "$data/pooling.csv" real/mobilenet_v2/
check "real training data of a Jetson teach" exits 0 timeout 250 "$JM" fit real -o jetson.json --alphas 8 --format csv
check "53 convolutions" says out '^kind,convolutional,runtime,roofline,53,'
for engine in vgg16 resnet18; do
    check "$engine is predicted" sh -c \
        "'$JM' predict jetson.json '$data/engines/${engine}_trt_engine_info.json' --format json >$engine.json"
done
check "every layer is there, with what lies outside of the training said" python3 - "$data/engines" <<'P'
import json, os, sys
for engine in "vgg16", "resnet18":
    p = json.load(open(engine + ".json"))
    layers = json.load(open(os.path.join(sys.argv[1], engine + "_trt_engine_info.json")))["Layers"]
    assert [x["name"] for x in p["layers"]] == [x["Name"] for x in layers]
    assert p["layers_predicted"] >= 10 and p["layers_outside"] > 0 and p["runtime_ms"] > 0 and p["energy_above_idle_mj"] > 0
    for x in p["layers"]:
        # One network alone gives no interval that anybody could check.
        assert x["runtime_ms_interval"] == [None, None], x
        assert x["runtime_ms"] is not None or x["reason"], x
P
finish
