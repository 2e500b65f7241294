# joulemap model: totals of well-known architectures, and its refusals.
. "$SOURCE/tests/integration/lib.sh"

if ! grep -q 'JOULEMAP_ONNX_LIBRARY:FILEPATH=/' "$BUILD/CMakeCache.txt"; then
    echo "SKIP: built without the ONNX library, which infers shapes"
    exit 77
fi
python3 "$SOURCE/tests/support/architectures.py" . || exit 1

# Published totals. Parameters and GMAC (there "GFLOPS") of the first seven: torchvision 0.21, documentation of the
# weights, "num_params" and "GFLOPS"; ViT-B/16 likewise. BERT-base: 109,482,240 parameters with its pooler (the model
# card's 110 M; sum of google-research/bert's variables), 22.5 GFLOP at 128 tokens (Jiao et al., TinyBERT, 2020, Table 1).
cat >published <<'LIST'
alexnet 61100840 0.714
vgg16 138357544 15.47
resnet18 11689512 1.814
resnet50 25557032 4.089
mobilenet_v2 3504872 0.301
squeezenet1_0 1248424 0.819
densenet121 7978856 2.834
vit_b_16 86567656 17.564
bert_base 109482240 11.25
LIST
agrees() { # agrees NAME PARAMETERS GMAC: parameters exactly, MACs within 1 %, nothing unknown
    "$JM" model "$1.onnx" --never-run --format json >"$WORK/json" && python3 - "$@" <<'PYTHON'
import json, sys
totals = json.load(open("json"))["totals"]
ok = (totals["parameters"] == int(sys.argv[2]) and abs(totals["macs"] / 1e9 / float(sys.argv[3]) - 1) < 0.01
      and totals["unknown_layers"] == 0)
if not ok:
    print(sys.argv[1:], totals)
sys.exit(not ok)
PYTHON
}
while read -r name parameters gmac; do
    check "$name has its published totals" agrees "$name" "$parameters" "$gmac"
done <published

check "batch normalisations are counted" exits 0 "$JM" model resnet50.onnx --never-run --format summary
check "and said" says out '53 batch normalisations are layers of their own'
check "their statistics are buffers" says out '25557032, and 53120 in buffers'
check "folded ones" exits 0 "$JM" model resnet50_folded.onnx --never-run --format summary
check "leave a bias each instead" says out '25530472, and 0 in buffers'
check "by type" exits 0 "$JM" model bert_base.onnx --by type --sort macs --format csv
check "the products are first" [ "$(sed -n '2s/,.*//p' out)" = MatMul ]
check "rows are limited" exits 0 "$JM" model resnet50.onnx --sort parameters -n 3
check "which is said" says out '(3 of '
check "a shape that contradicts the model is refused" exits 1 "$JM" model alexnet.onnx --shape x=1x3x100x100
check "with the input's name" says err "input 'x'"
check "a dimension of 0 is refused" exits 1 "$JM" model alexnet.onnx --shape x=0x3x224x224
check "with its place" says err 'dimension 0 is 0'
check "layers without products" exits 0 "$JM" model alexnet.onnx --never-run -n 1000
check "have none, and not 0.000" [ -z "$(grep '0\.000' "$WORK/out")" ]
check "a file that is none is refused" exits 1 "$JM" model published
check "an unknown order is refused" exits 1 "$JM" model alexnet.onnx --sort colour
if [ -e "$(dirname "$JM")/libjoulemap_onnx.so" ]; then
    mkdir bin && ln "$JM" bin/ 2>/dev/null || cp "$JM" bin/
    ln -s "$(dirname "$JM")/libjoulemap_onnx.so" bin/
    check "a program found through PATH finds its module" \
        exits 0 env PATH="$PWD/bin:$PATH" joulemap model resnet50.onnx --never-run --format summary
    check "and infers shapes by it" [ -z "$(grep 'not inferred' "$WORK/out")" ]
fi
check "a file must be named" exits 2 "$JM" model
finish
