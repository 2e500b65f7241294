# `joulemap bench` on three precisions of two trained networks and real images, as scripts/make-precisions leaves them in .cache.
. "$SOURCE/tests/integration/lib.sh"
from="$SOURCE/.cache/precisions"
if [ ! -e "$from/transformer-int8.onnx" ] || [ ! -e "$from/cnn-int8.onnx" ]; then
    echo "SKIP: no trained networks in .cache/precisions (scripts/make-precisions --setup makes them)"
    exit 77
fi
if ! ls "$SOURCE"/.cache/onnxruntime/lib/libonnxruntime.so* >/dev/null 2>&1; then
    echo "SKIP: no ONNX Runtime in .cache (scripts/setup fetches it)"
    exit 77
fi
for kind in cnn transformer; do
    check "three precisions of a $kind are run" exits 0 timeout 250 "$JM" bench $from/$kind-fp32.onnx $from/$kind-fp16.onnx \
        $from/$kind-int8.onnx --data "$from/digits-images.npy" --labels "$from/digits-labels.npy" -b 32 -s estimate --runs 20 -w 2 \
        -t 1 --settle 200ms --no-rest --trials 1 -o $kind
    check "estimates are said to be that" says out '^note: energy is estimated'
    check "and get no verdict" says out "^$kind-int8: no verdict on energy"
    check "their layers are matched" sh -c "'$JM' compare $kind --against $kind-fp32 --layers --format json >$kind.json"
done
check "all answered the 600 images, most of them right" python3 - <<'P'
import glob, sqlite3
for path in glob.glob("*/*.jmap"):
    meta = dict(sqlite3.connect(path).execute("select key, value from meta"))
    assert meta["score_name"] == "accuracy" and int(meta["score_n"]) == 600 == len(meta["score_items"]), meta
    assert 0.9 < float(meta["score"]) <= 1, (path, meta["score"])
    assert abs(meta["score_items"].count("1") / 600 - float(meta["score"])) < 1e-12, path
P
check "layers of integers find those of floats, and what was inserted is counted" python3 - <<'P'
import json
cnn = {v["variant"]: v for v in json.load(open("cnn.json"))["layers"]}["cnn-int8"]
pairs = {(g["type_first"], g["type"]) for g in cnn["groups"]}
assert ("Conv", "QLinearConv") in pairs, pairs
assert cnn["conversions"] >= 1 and cnn["conversions_mj"] > 0, cnn["conversions"]
transformer = {v["variant"]: v for v in json.load(open("transformer.json"))["layers"]}["transformer-int8"]
products = [g for g in transformer["groups"] if g["type_first"] == "MatMul" and "q_lin" in g["layer_first"]]
assert len(products) == 3 and all(g["type"] in ("MatMulIntegerToFloat", "DynamicQuantizeMatMul") for g in products), products
for v in (cnn, transformer):
    total = sum(g["energy_mj"] or 0 for g in v["groups"]) + sum(g["conversions_mj"] or 0 for g in v["groups"])
    assert abs(total - v["total_mj"]) < 1e-6 * v["total_mj"], (total, v["total_mj"])
P
check "simulated they are not: integers computed" sh -c "! grep -q 'simulated integers' out"
finish
