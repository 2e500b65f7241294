# `joulemap bench` as a user calls it, on small models from the cache of the set-up script.
. "$SOURCE/tests/integration/lib.sh"
model="$SOURCE/.cache/models/ch_ppocr_mobile_v2.0_cls_mobile.onnx"
if [ ! -e "$model" ] || ! ls "$SOURCE"/.cache/onnxruntime/lib/libonnxruntime.so* >/dev/null 2>&1; then
    echo "skipped: no model and runtime in .cache (scripts/setup fetches them)"
    exit 77
fi
cp "$model" a.onnx
cp "$model" b.onnx
head -c 1000 "$model" >broken.onnx
python3 - <<'P'
import array, random
def npy(path, descr, shape, data):
    header = "{'descr': '%s', 'fortran_order': False, 'shape': %s, }" % (descr, shape)
    header = header + " " * (117 - len(header)) + "\n"
    with open(path, "wb") as f:
        f.write(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode() + data)
random.seed(0)
n = 5
npy("x.npy", "<f4", (n, 3, 48, 192), array.array("f", [random.random() for _ in range(n * 3 * 48 * 192)]).tobytes())
npy("y.npy", "<i8", (n,), array.array("q", [0, 1, 0, 1, 0]).tobytes())
bad = [0.5] * (n * 3 * 48 * 192)
bad[0:3 * 48 * 192] = [float("nan")] * (3 * 48 * 192)
npy("nan.npy", "<f4", (n, 3, 48, 192), array.array("f", bad).tobytes())
npy("short.npy", "<i8", (n - 1,), array.array("q", [0, 1, 0, 1]).tobytes())
npy("far.npy", "<i8", (n,), array.array("q", [0, 1, 0, 7, 0]).tobytes())
P
bench() { timeout 200 "$JM" bench "$@" -s estimate --runs 10 -w 2 -t 1 --settle 200ms; }

check "models are run against each other" exits 0 bench a.onnx b.onnx --data x.npy --labels y.npy -b 2 --trials 2 --rest-limit 200ms -o r
check "in a table with their accuracy" says out 'accuracy %'
check "and a verdict" says out '^b: \|^b uses'
check "one recording a trial is kept" [ "$(ls r/*.jmap | wc -l)" -eq 4 ]
check "each knows its variant, round and score" python3 - <<'P'
import glob, sqlite3
rounds, scores = set(), set()
for path in glob.glob("r/*.jmap"):
    meta = dict(sqlite3.connect(path).execute("select key, value from meta"))
    rounds.add((meta["variant"], int(meta["round"]), meta["bench"]))
    scores.add((meta["score_name"], float(meta["score"]), int(meta["score_n"]), meta["score_data"], meta["score_items"]))
    assert int(meta["peak_memory_bytes"]) > 1 << 20, meta
    assert len(meta["score_items"]) == 5 and meta["batch"] in (2, "2"), meta
assert {r[:2] for r in rounds} == {("a", 1), ("a", 2), ("b", 1), ("b", 2)} and len({r[2] for r in rounds}) == 1, rounds
assert len(scores) == 1, scores
P
check "they can be compared again" exits 0 "$JM" compare r --layers
check "layer by layer" says out 'layers of b (there) against a'
check "with the files of other programs" exits 0 "$JM" compare r --hotspots --by type --csv-folder csv
check "named as theirs" [ -e csv/benchmark_results.csv -a -e csv/aggregated_comparison.csv -a -e csv/a_per_layer_energy.csv ]
check "which are not overwritten" exits 1 "$JM" compare r --csv-folder csv
check "unless asked" exits 0 "$JM" compare r --csv-folder csv -f
check "a model that is not there is told before any is run" exits 1 bench a.onnx none.onnx --shape x=1x3x48x192 --no-rest -o never
check "by its path" says err 'cannot open none.onnx'
check "and leaves no folder" [ ! -e never ]
check "a model that fails is said, and exit code 1" exits 1 bench a.onnx broken.onnx --shape x=1x3x48x192 --trials 1 --no-rest -o f
check "by its name" says err 'broken failed in round 1'
check "and the others are kept" [ -e f/a-001.jmap -a ! -e f/broken-001.jmap ]
# The metric's command is a place between trials: behind b's second trial it takes b's model away.
cat >vanish.sh <<'S'
echo x >>scored
[ "$(wc -l <scored)" -lt 4 ] || rm -f gone.onnx
echo 1
S
cp "$model" gone.onnx
check "a model that fails in round 3 ends with exit code 1" exits 1 bench a.onnx gone.onnx --data x.npy --metric 'sh vanish.sh' --no-rest --trials 3 -o late
check "is said" says err 'gone failed in round 3'
check "and its trials of rounds 1 and 2 are kept" [ -e late/gone-001.jmap -a -e late/gone-002.jmap -a ! -e late/gone-003.jmap ]
check "beside those of the other" [ -e late/a-003.jmap ]
check "and are in the table" says out 'trials  *3  *2$'
check "outputs that are no numbers leave no accuracy" exits 0 bench a.onnx --data nan.npy --labels y.npy --no-rest --trials 1 -o nan
check "with how many" says out '1 of 5 outputs hold NaN or infinity'
check "and a dash for it" says out 'accuracy %  *-$'
check "estimated energy is said to be that, at the top" says out '^note: energy is estimated'
check "labels of another length are refused" exits 1 bench a.onnx --data x.npy --labels short.npy --no-rest -o g
check "with both lengths" says err '4 labels.*5 items'
check "before anything is run" [ ! -e g ]
check "labels that are no class leave no trial" exits 1 bench a.onnx --data x.npy --labels far.npy --no-rest --trials 1 -o h
check "and are said" says err 'label 7 of item 3 is no class'
check "a user's metric is used" exits 0 bench a.onnx --data x.npy --labels y.npy --metric 'echo goodness 0.25 #' --no-rest --trials 1 -o m
check "by its name" says out 'goodness'
check "a folder with recordings is left alone" exits 1 bench a.onnx --shape x=1x3x48x192 --no-rest -o r
check "two models of one name are refused" exits 1 bench a.onnx ./a.onnx --no-rest -o n
"$JM" bench a.onnx --shape x=1x3x48x192 --no-rest -s estimate -t 100 --trials 2 -o stopped >stopped.out 2>&1 &
first=$!
tries=0
until [ -e stopped/a-001.jmap ] || [ "$tries" -ge 600 ]; do
    sleep 0.1
    tries=$((tries + 1))
done
check "a folder at which another bench works is left to it" exits 1 bench a.onnx --shape x=1x3x48x192 --no-rest -o stopped
check "which is said" says err 'another bench is at work in stopped'
check "with what the first one has measured so far" [ -e stopped/a-001.jmap ]
kill -TERM "$first"
wait "$first"
check "a signal for the bench alone ends it, and no further trial starts" [ ! -e stopped/a-002.jmap ]
check "no model is a question" exits 2 "$JM" bench
finish
