# Pictures of a report: every kind as SVG and PNG, and what is said when there is nothing to draw.
. "$SOURCE/tests/integration/lib.sh"

"$BUILD/bench/bench_html_recording" run.jmap 6 5000 || exit 1
if ! "$JM" report run.jmap --method integrate --svg first.svg 2>err && grep -q cairo err; then
    sed 's/^/SKIP: /' err
    exit 77
fi
for plot in layers energy latency timeline mapping; do
    check "$plot" exits 0 "$JM" report run.jmap --method integrate --plot $plot --svg $plot.svg --png $plot.png
done
check "a picture that is there stays" exits 1 "$JM" report run.jmap --method integrate --svg layers.svg
check "and is named" says err 'layers.svg'
check "unless forced" exits 0 "$JM" report run.jmap --method integrate --svg layers.svg -f
check "page and pictures in one go" exits 0 "$JM" report run.jmap --method integrate --html all.html --svg all.svg --png all.png
check "an unknown plot is refused" exits 1 "$JM" report run.jmap --plot pie --svg pie.svg
check "with those there are" says err 'layers, energy, latency, timeline or mapping'
check "and leaves no file" test ! -e pie.svg
check "an unknown channel is refused" exits 1 "$JM" report run.jmap --channel nothing --svg pie.svg
check "fewer rows make a lower picture" exits 0 "$JM" report run.jmap --method integrate -n 5 --png few.png
check "they are what they say" python3 - <<'P'
import struct
import xml.etree.ElementTree as tree
import zlib

def pixels(path):
    data = open(path, "rb").read()
    assert data[:8] == b"\x89PNG\r\n\x1a\n", path
    width, height, depth, kind = struct.unpack(">IIBB", data[16:26])
    at, body = 8, b""
    while at < len(data):
        n = struct.unpack(">I", data[at:at + 4])[0]
        body += data[at + 8:at + 8 + n] if data[at + 4:at + 8] == b"IDAT" else b""
        at += 12 + n
    return width, height, zlib.decompress(body)

for name in ("layers", "energy", "latency", "timeline", "mapping", "all"):
    root = tree.parse(name + ".svg").getroot()
    assert root.tag.endswith("svg") and len(list(root.iter())) > 30, name
    width, height, body = pixels(name + ".png")
    assert width == 1920 and height > 500, (name, width, height)
    assert len(set(body[i:i + 3] for i in range(0, len(body), 3))) > 50, name
assert pixels("few.png")[1] < pixels("layers.png")[1]
P
printf 'channel c energy counter domain=package step=0.001 interpolate=yes\n0 c 0\n1000s c 50000\n1000s end\n' >script
check "a recording without spans" exits 0 "$JM" record -s replay:script -d 0.5 -o short.jmap
check "gets a timeline by itself" exits 0 "$JM" report short.jmap --png short.png
check "and no picture of layers" exits 1 "$JM" report short.jmap --plot layers --png none.png
check "which is said" says err 'nothing for a plot of layers'
finish
