# From mapped layers to training data, to a predictor, to the energy of a network that was never run.
. "$SOURCE/tests/integration/lib.sh"
python3 "$SOURCE/tests/integration/predict_trees.py" mapped 6 || exit 1
build() { timeout 100 "$JM" dataset build "$@"; }

check "training data are built" exits 0 build mapped -o data
check "a layer that was seen too rarely is left out and counted" says err 'net0: 1 layers left out, less than 10 readings'
check "what is of no kind is counted" says err 'net3: 1 layers left out, of no kind'
check "and the time that is not covered is told" says err 'net3: .* % of the layers. time'
check "each network has its tables" sh -c 'for i in 0 1 2 3 4 5; do
    for k in convolutional pooling dense; do [ -s data/net$i/$k.csv ] || exit 1; done; done'
check "the historic cut passes over that whole network" exits 0 build mapped -o historic --compat
check "and says so" says err 'net0: passed over whole'
columns=batch_size,input_size_0,input_size_1,input_size_2,output_size_0,output_size_1,output_size_2,kernel_0,kernel_1
columns=$columns,padding_0,padding_1,stride_0,stride_1,power,runtime,layer_name
check "its tables have the historic columns" [ "$(head -n 1 historic/net1/convolutional.csv)" = "$columns" ]
check "poolings are read with their window, in the historic tables as global" python3 - <<'P'
import csv, glob, os
def rows(path):
    return list(csv.DictReader(open(path)))
assert not os.path.exists("historic/net0")
for path in glob.glob("data/*/pooling.csv"):
    for r in rows(path):
        assert r["kernel_0"] == "2" and r["power_state"] == "measured" and int(r["count"]) == 20, r
        assert float(r["power_low"]) <= float(r["power"]) <= float(r["power_high"]), r
for path in glob.glob("historic/*/pooling.csv"):
    for r in rows(path):
        assert r["kernel_0"] == r["input_size_1"], r
for kind in "convolutional", "pooling", "dense":
    for r, h in zip(rows(f"data/net2/{kind}.csv"), rows(f"historic/net2/{kind}.csv")):
        assert r["layer_name"] == h["layer_name"] and abs(float(r["runtime"]) / float(h["runtime"]) - 1) < 1e-12, (r, h)
        assert abs(float(r["power"]) / float(h["power"]) - 1) < 1e-12, (r, h)
assert len(rows("data/net0/pooling.csv")) + 1 == sum('"pool' in x for x in open("mapped/net0/power_runtime_mapping_layerwise.csv")) / 20
P
cp -r data again
check "building twice gives the same bytes" exits 0 build mapped -o again
check "all of them" diff -r data again

rm -rf kept; cp -r data kept
check "networks of an earlier build are kept" exits 0 build mapped/net1 -o kept
check "and named" says err 'kept: 5 networks of an earlier build are kept: net0, net2, net3, net4, net5'
check "a predictor is learnt" exits 0 timeout 250 "$JM" fit data -o p.json --alphas 8
check "from so many networks" says out 'networks'
check "in one line without an evaluation" says out 'learnt from .* layers of 6 networks.*; wrote p.json; --evaluate says how wrong it is'
check "which is all" [ "$(wc -l <out)" -eq 1 ]
check "a predictor that is there is kept" exits 1 timeout 250 "$JM" fit data -o p.json --alphas 8
check "with what to do" says err '--force'
ln -s victim.json link.json
check "a link is not followed" exits 1 timeout 250 "$JM" fit data -o link.json --force --alphas 8
check "nothing lies behind it" [ ! -e victim.json ]
check "force overwrites" exits 0 timeout 250 "$JM" fit data -o p.json --alphas 8 --force
cp -r data twins; cp -r data/net1 twins/another
check "a copy of a network is the network" exits 0 timeout 250 "$JM" fit twins -o twins.json --alphas 4
check "counted once" says out 'learnt from .* layers of 6 networks'
check "and told" says out 'another, net1 are one network, two times: left out together'
mkdir twin; cp -r data/net1 twin; cp -r data/net1 twin/another
check "copies of one network cannot be evaluated" exits 1 "$JM" fit twin --evaluate --alphas 4
check "with the reason" says err 'takes two or more; another, net1 are one network'
check "copies are left out together" sh -c "cp -r data/net2 twin; timeout 250 '$JM' fit twin --evaluate --alphas 4 --format csv >twin.csv"
check "which CSV says" grep -q '^network,net1,runtime,roofline,.*,another$' twin.csv
check "and JSON" sh -c "'$JM' fit twin --evaluate --alphas 4 --format json | grep -q '\"same_networks\":\[\[\"another\",\"net1\"\]\]'"
mkdir two; cp -r data/net1 data/net2 two
check "two networks teach" exits 0 timeout 250 "$JM" fit two -o two.json --alphas 8
check "but give no interval" exits 0 "$JM" predict two.json mapped/net4/trt_engine_info.json --limit all
check "which is said" says out 'no interval: 2 networks were left out, it takes 5'
check "nothing else was measured" says out 'layers, none of them measured'
check "a limit that is none is a usage error" exits 2 "$JM" predict two.json mapped/net4/trt_engine_info.json --limit some
mkdir one; cp -r data/net1 one
check "one network cannot be evaluated" exits 1 "$JM" fit one --evaluate
check "with what to do instead" says err 'leave --evaluate away, or add recordings'
check "historic tables teach as well" exits 0 timeout 250 "$JM" fit historic -o h.json --alphas 8 -q
check "it is evaluated on networks that were left out" sh -c \
    "timeout 250 '$JM' fit data --evaluate --alphas 8 --format json >e.json"
check "with errors by kind, by network and of all" python3 - <<'P'
import json
e = json.load(open("e.json"))
assert e["format"] == "joulemap-fit/1" and e["networks"] == 6, e
of = {(x["of"], x["name"], x["target"], x["approach"]): x for x in e["errors"]}
for kind in "convolutional", "pooling", "dense":
    assert of["kind", kind, "power", "polynomial"]["rmspe_percent"] is not None
for k in range(6):
    assert of["network", f"net{k}", "runtime", "roofline"]["true_sum"] > 0
for target in "runtime", "power":
    best = of["all", "layers", target, "roofline"]
    # The invented world is easy: launch cost, work and traffic, with chance of 2 % over 20 readings.
    assert best["median_percent"] < 10 and best["rmspe_percent"] < 60, best
assert of["all", "network energy", "power", "roofline"]["mape_percent"] < 20
P

engine=mapped/net4/trt_engine_info.json
check "an engine is predicted" exits 0 timeout 100 "$JM" predict p.json $engine
check "with its sums" says out '^energy .* mJ .*above idle'
check "and what it was learnt from" says out '^learnt .*p.json'
check "as CSV of the historic inference" sh -c "'$JM' predict p.json $engine --format csv >p.csv"
check "as JSON" sh -c "'$JM' predict p.json $engine --format json >p4.json"
check "the CSV begins with the historic columns, and the sums hold" python3 - <<'P'
import csv, json
text = open("p.csv").read()
assert text.startswith("power_prediction,runtime_prediction,layer_name,layer_type,"), text[:80]
rows = list(csv.DictReader(open("p.csv")))
p = json.load(open("p4.json"))
layers = json.load(open("mapped/net4/trt_engine_info.json"))["Layers"]
assert [(r["layer_name"], r["layer_type"]) for r in rows] == [(x["Name"], x["LayerType"]) for x in layers]
known = [r for r in rows if r["runtime_prediction"]]
assert len(known) == p["layers_predicted"] == len(rows) - 1, p["layers_predicted"]
ms = sum(float(r["runtime_prediction"]) for r in known)
mj = sum(float(r["runtime_prediction"]) * float(r["power_prediction"]) for r in known)
assert abs(ms / p["runtime_ms"] - 1) < 1e-9 and abs(mj / p["energy_above_idle_mj"] - 1) < 1e-9
assert abs(p["power_above_idle_w"] - mj / ms) < 1e-9 * mj / ms
low, high = p["energy_above_idle_mj_interval"]
assert low < p["energy_above_idle_mj"] < high
for r in known:
    assert float(r["runtime_low"]) <= float(r["runtime_prediction"]) <= float(r["runtime_high"]), r
assert rows[-1]["reason"] and not rows[-1]["runtime_prediction"], rows[-1]
P
check "a layer unlike any in the training is said" python3 - <<P
import json, subprocess
e = json.load(open("$engine"))
e["Layers"][0]["Inputs"][0]["Dimensions"][1] = 4096
json.dump(e, open("far.json", "w"))
out = subprocess.run(["$JM", "predict", "p.json", "far.json", "--format", "json"], check=True, capture_output=True).stdout
p = json.loads(out)
assert p["layers_outside"] >= 1 and p["layers"][0]["outside"] and "input_size_0 4096" in p["layers"][0]["reason"], p["layers"][0]
P
check "in the table, too" exits 0 "$JM" predict p.json far.json
check "with what was seen" says out 'outside of the training range'
check "the polynomial predicts" exits 0 "$JM" predict p.json $engine --approach polynomial
check "another way is refused" exits 1 "$JM" predict p.json $engine --approach oracle
check "and named" says err 'oracle'

mkdir -p raw/net/trt_profiling
echo '{"timestamp": "20300101-000000", "avg_idle_power": 1000000.0}' >raw/idling_power.json
for i in 00 10 20 30 40; do echo "20300101-00:00:00.$i,5000.0,600.0"; done >raw/net/net_power_log.log
cp mapped/net1/trt_engine_info.json raw/net/trt_profiling/
echo '{"fc00": [[200.0, "20300101-00:00:00.25"]], "fc01": [[1.0, "20300101-00:00:00.26"]]}' >raw/net/trt_profiling/trt_layer_latency.json
mkdir tmp
check "raw data become training data" exits 0 env TMPDIR="$WORK/tmp" timeout 100 "$JM" dataset build raw -o from_raw --per-layer-measurements 1
check "with the power above idle" sh -c "grep -q ',2000000.0,200.0,fc00,' from_raw/net/dense.csv"
check "nothing is left behind" rmdir tmp

model="$SOURCE/.cache/models/ch_ppocr_mobile_v2.0_cls_mobile.onnx"
if [ -e "$model" ] && ls "$SOURCE"/.cache/onnxruntime/lib/libonnxruntime.so* >/dev/null 2>&1; then
    timeout 120 "$JM" run "$model" -q -s estimate --no-idle -i 10ms --shape x=1x3x48x192 --runs 30 -o run.jmap >/dev/null
    timeout 60 "$JM" record -q -s estimate -i 10ms -o plain.jmap -- true >/dev/null 2>&1
    check "a recording without layers is left out" exits 0 build plain.jmap run.jmap -o both
    check "with the reason" says err 'plain.jmap: no layers: it is not of joulemap run, left out'
    check "a recording of a run becomes training data" exits 0 build run.jmap -o ran
    check "of its time alone, where power is estimated" says err 'teach their runtime alone'
    check "and a low percentile of it" exits 0 build run.jmap -o fast --percentile 10
    check "a percentile that is none is refused" exits 1 build run.jmap -o x --percentile 100
    check "the runtime is the percentile of a layer's executions" python3 - <<'P'
import collections, csv, glob, sqlite3, statistics
durations = collections.defaultdict(list)
for name, ns in sqlite3.connect("run.jmap").execute("SELECT name, duration_ns FROM named_span WHERE kind = 'layer' AND flags & 1"):
    durations[name].append(ns / 1e6)
def runtimes(folder):
    return {r["layer_name"]: r for p in glob.glob(folder + "/*/*.csv") for r in csv.DictReader(open(p))}
ran, fast = runtimes("ran"), runtimes("fast")
assert len(ran) > 20 and ran.keys() == fast.keys(), len(ran)
for folder, rows in ("ran", ran), ("fast", fast):
    # In profiled blocks, scaled down by one factor where they would not fit into an iteration without the profiler.
    of = {k: statistics.median(durations[k]) if rows is ran else statistics.quantiles(durations[k], n=10, method="inclusive")[0] for k in rows}
    fit = [float(r["runtime"]) / of[k] for k, r in rows.items()]
    assert max(fit) <= 1 + 1e-9 and max(fit) - min(fit) < 1e-6 * max(fit), (folder, min(fit), max(fit))
    assert all(r["power_state"] != "measured" for r in rows.values())
P
    check "where nobody told clocks there are none" python3 - <<'P'
import csv, glob
rows = [r for p in glob.glob("ran/*/*.csv") for r in csv.DictReader(open(p))]
assert rows and all(r["clock_mhz"] == r["memory_clock_mhz"] == "" for r in rows), rows[0]
P
    echo 'base_mw=200000' >script
    on_gpu() { JOULEMAP_NVML=$BUILD/fakes/fake_nvml.so JM_FAKE_NVML=$PWD/script timeout 200 "$JM" run "$model" -q -s nvml --no-idle \
        --shape x=1x3x48x192 --runs 600 -o gpu.jmap; }
    check "a run beside a GPU is recorded" exits 0 on_gpu
    check "and becomes training data" exits 0 build gpu.jmap -o gpu
    check "with the GPU's clocks, where they were read meanwhile" python3 - <<'P'
import csv, glob, sqlite3
d = sqlite3.connect("gpu.jmap")
first, last = d.execute("SELECT min(start_ns), max(start_ns + duration_ns) FROM named_span WHERE name = 'measured'").fetchone()
def mhz(channel):
    values = [v / 1e6 for (v,) in d.execute("SELECT value FROM sample JOIN channel ON channel.id = sample.channel WHERE channel.name = ? AND "
              "t_ns >= ? AND t_ns < ?", (channel, first, last))]
    return str(values[0]) if values else ""
rows = [r for p in glob.glob("gpu/*/*.csv") for r in csv.DictReader(open(p))]
expected = "NVIDIA H200", mhz("nvml/gpu0/sm_clock"), mhz("nvml/gpu0/memory_clock")
assert rows and all((r["device"], r["clock_mhz"], r["memory_clock_mhz"]) == expected for r in rows), (expected, rows[0])
P
    if [ -e "$(dirname "$JM")/libjoulemap_onnx.so" ]; then
    check "its model is predicted from it" sh -c "'$JM' fit ran -o ran.json --alphas 10 -q &&
        '$JM' predict ran.json '$model' --shape x=1x3x48x192 --never-run --format json >onnx.json"
    check "from the file alone, layer by layer, energy unknown" python3 - <<'P'
import json
p = json.load(open("onnx.json"))
assert p["layers_predicted"] > 20 and p["layers_folded"] > 5 and p["runtime_ms"] > 0, p["layers_predicted"]
assert p["energy_above_idle_mj"] is None and p["runtime_ms_interval"] == [None, None], p["runtime_ms_interval"]
P
    fi
else
    echo "not tried: a run of a model (scripts/setup fetches model and runtime)"
fi

check "no source is a usage error" exits 2 build -o x
check "no folder is a usage error" exits 2 build mapped
check "what is not there is refused" exits 1 build nowhere -o x
check "an empty folder is refused" sh -c "mkdir -p empty; ! '$JM' dataset build empty -o x 2>err"
check "with what was expected" says err 'power_runtime_mapping_layerwise.csv'
check "too few readings leave nothing" exits 1 build mapped -o x --per-layer-measurements 1000
check "and no folder" [ ! -e x ]
check "training data that are none are refused" exits 1 "$JM" fit empty -o x.json
sed -i '3s/,[0-9.]*,"conv/,fast,"conv/' again/net1/convolutional.csv
check "a damaged table is refused" exits 1 "$JM" fit again -o x.json
check "by file and line" says err 'convolutional.csv:[23]'
head -c 400 p.json >cut.json
check "a cut predictor is refused" exits 1 "$JM" predict cut.json $engine
check "with its place" says err 'cut.json:'
check "an engine is no predictor" exits 1 "$JM" predict $engine $engine
check "a cut engine is refused" sh -c "head -c 300 $engine >cut_engine.json; ! '$JM' predict p.json cut_engine.json 2>err"
check "nothing was written" [ ! -e x.json ]
finish
