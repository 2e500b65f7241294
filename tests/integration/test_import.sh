# joulemap import on invented files of a raw_data tree: what it makes of them, and its refusals.
. "$SOURCE/tests/integration/lib.sh"

query() { python3 -c 'import sqlite3, sys; [print(*row, sep="|") for row in sqlite3.connect(sys.argv[1]).execute(sys.argv[2])]' "$@"; }

for i in 0 1 2 3 4; do echo "20300101-00:00:00.${i}0,5000.0,$((300 + i * 100)).0"; done >net_power_log.log
echo '{"Layers": [{"Name": "conv", "LayerType": "CaskConvolution"}, {"Name": "fc", "LayerType": "gemm"},
 {"Name": "odd", "LayerType": "NoOp"}, {"Name": "odd", "LayerType": "kgen"}]}' >trt_engine_info.json
echo '{"conv": [[90.0, "20300101-00:00:00.2"]], "fc": [[90.0, "20300101-00:00:00.3"]],
 "odd": [[1.0, "20300101-00:00:00.31"]], "strange": [[1.0, "20300101-00:00:00.32"]]}' >trt_layer_latency.json
cp "$SOURCE/tests/fixtures/trace/net_tensorrt.json" .

check "import imports" exits 0 "$JM" import net_power_log.log trt_layer_latency.json trt_engine_info.json net_tensorrt.json -o a.jmap
check "the types are told" says err 'types of 2 layers were taken'
check "and those that are nowhere" says err "1 layers are in no such file and have no type: 'strange'"
check "and those that are in doubt" says err "1 layers have several types in other files and were given none: 'odd'"
layers="SELECT name, type FROM named_span WHERE kind = 'layer' ORDER BY start_ns"
types=$(query a.jmap "$layers" | tr '\n' ' ')
check "layers have the types of the engine info" [ "$types" = "conv|CaskConvolution fc|gemm odd| strange| " ]
check "the order of the files does not matter" exits 0 "$JM" import trt_engine_info.json net_tensorrt.json trt_layer_latency.json net_power_log.log -o b.jmap
check "types are the same" [ "$(query b.jmap "$layers" | tr '\n' ' ')" = "$types" ]
check "settings are kept" [ "$(query a.jmap "SELECT value FROM meta WHERE key = 'model'")" = net ]
check "latencies are kept" [ "$(query a.jmap "SELECT value FROM meta WHERE key = 'latency_mean_s'")" = 0.25 ]
check "without engine info layers have no types" exits 0 "$JM" import net_power_log.log trt_layer_latency.json -o c.jmap
check "and none are told" [ -z "$(grep types "$WORK/err")" ]
check "report reads it" exits 0 "$JM" report a.jmap
check "report knows the type" says out 'CaskConvolution'
check "nothing is overwritten" exits 1 "$JM" import net_power_log.log -o a.jmap
check "an unknown file is refused" exits 1 "$JM" import "$0" -o d.jmap
check "a missing one, too" exits 1 "$JM" import nowhere.json -o d.jmap
check "and named" says err nowhere.json

# Ten seconds of readings; inferences inside, and one an hour later.
for i in 0 1 2 3 4 5 6 7 8 9; do for j in 0 2 4 6 8; do echo "20300101-00:00:0$i.${j}0,5000.0,$((300 + i % 2 * 400)).0"; done; done >long.log
python3 - <<'EOF'
import json
stamps = [f"20300101-00:00:0{i}.95" for i in range(1, 9)] + ["20300101-01:00:00.95"]
json.dump({"conv, \"1\"\nb": [[800.0, s] for s in stamps]}, open("hour.json", "w"))
EOF
check "spans outside of the log are imported" exits 0 "$JM" import long.log hour.json -o hour.jmap
check "and told" says err '0 of 18 spans begin before long.log and 2 end after it'
check "profiled throughout is told" says err 'all inferences ran under a profiler'
check "it can be reported" exits 0 "$JM" report hour.jmap --method share --format json
cp "$WORK/out" report.json
layer=$(python3 -c 'import json
l = json.load(open("report.json"))["layers"]
print(len(l), l[0]["count"], l[0]["name"] == "conv, \"1\"\nb", 14 < l[0]["energy_j"] < 18)')
check "energy is that of the inferences inside" [ "$layer" = "1 9 True True" ]
check "as CSV, too" exits 0 "$JM" report hour.jmap --method share --format csv
check "with the name quoted" says out '^"conv, ""1""$'
echo "20300101-00:00:00.1,5000.0,1" >>long.log
printf '20300101-00:00:11.1,5000.0,1' >>long.log
check "a log that steps back and ends in a line is read" exits 0 "$JM" import long.log hour.json -o cut.jmap
check "the step is told" says err 'steps back 1 times'
check "the line is told" says err 'long.log:52: the last line has no end'
printf '{"a": [[1.0, "20300101-00:00:00.5"], [NaN' >nan.json
check "NaN is refused" exits 1 "$JM" import long.log nan.json -o nan.jmap
check "with its place" says err 'nan.json:1 (byte'
check "and leaves no recording" [ ! -e nan.jmap ]
# Two GPUs at work at once, 100 W and 300 W, each with a trace of its own, as a program of two ranks writes them.
python3 - <<'EOF'
import json
with open("smi.csv", "w") as log:
    log.write("timestamp, index, power.draw [W]\n")
    for ms in range(0, 20000, 100):
        for gpu, watts in ((0, 100), (1, 300)):
            log.write(f"2030/01/01 00:00:{ms // 1000:02d}.{ms % 1000:03d}, {gpu}, {watts}.00 W\n")
for rank in 0, 1:
    events = [{"ph": "X", "cat": "kernel", "name": f"work_{rank}", "pid": rank, "tid": 7, "dur": 900000,
               "ts": 1893456000000000 + 1000000 * s, "args": {"device": rank, "stream": 7}} for s in range(2, 18)]
    json.dump({"traceEvents": events}, open(f"rank{rank}.json", "w"))
EOF
check "a log of two GPUs and a trace of each are imported" exits 0 "$JM" import smi.csv rank0.json rank1.json --offset 0 -o two.jmap
check "report tells the GPUs apart" exits 0 "$JM" report two.jmap --by kernel --method integrate --baseline none --format json
rows=$(python3 -c 'import json, sys
report = json.load(open(sys.argv[1]))
for row in report["layers"]: print(row["channel"], row["name"], round(row["energy_j"]))' "$WORK/out" | sort | tr '\n' ';')
check "each kernel has the energy of its GPU" [ "$rows" = "import/nvidia-smi/0/power.draw work_0 1440;import/nvidia-smi/1/power.draw work_1 4320;" ]

# 2 J in the first second, nobody knows in the second, 5 J in the third.
cat >perf.csv <<'END'
# started on Sat Nov 21 18:00:00 2026

     1.000000000,2.00,Joules,power/energy-pkg/,1000000000,100.00,,
     2.000000000,<not counted>,Joules,power/energy-pkg/,0,100.00,,
     3.000000000,5.00,Joules,power/energy-pkg/,1000000000,100.00,,
END
check "energies of perf stat are imported" exits 0 "$JM" import perf.csv -o perf.jmap
check "what perf did not count is told" says err 'perf did not count 1 times'
check "their report" exits 0 "$JM" report perf.jmap --format json
check "makes no energy of it" python3 -c 'import json, sys
channel, = json.load(open(sys.argv[1]))["channels"]
assert abs(channel["energy_j"] - 7) < 1e-9 and abs(channel["gap_s"] - 1) < 1e-9, channel' "$WORK/out"

echo 'timestamp, power.draw [W]' >heading.csv
check "a log without readings is refused" exits 1 "$JM" import heading.csv -o nothing.jmap
check "for holding nothing" says err 'neither readings nor spans'
check "no recording is left of it" [ ! -e nothing.jmap ]
printf '{"date": "2030-01-01 00:00:00", "metrics": {"cpu": {"intel_power": null, "psys_power": -1}}}\n' >absent.json
check "so is one of absent values alone" exits 1 "$JM" import absent.json -o nothing.jmap
finish
