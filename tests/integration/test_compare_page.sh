# Recordings side by side as a page, in a real browser.
. "$SOURCE/tests/integration/lib.sh"

"$BUILD/bench/bench_html_recording" slow.jmap 6 12000 && "$BUILD/bench/bench_html_recording" fast.jmap 6 18000 || exit 1
check "a page is written" exits 0 "$JM" compare slow.jmap fast.jmap --method integrate --html both.html
check "what is there is not overwritten" exits 1 "$JM" compare slow.jmap fast.jmap --html both.html
check "and is named" says err 'both.html'
check "unless asked to" exits 0 "$JM" compare 'a<b>=slow.jmap' fast.jmap --method integrate --html both.html --force
check "by time share, each layer has an energy" exits 0 "$JM" compare 'a<b>=slow.jmap' fast.jmap --method share --html hot.html --carbon 420 --price 0.30EUR
check "a format, too" sh -c "'$JM' compare slow.jmap --format html >one.html"
check "it names no other host" bash -c "! grep -oE '(src|href)=\"?[a-z]*:?//[^\" >]*' both.html"
if "$JM" compare slow.jmap fast.jmap --svg both.svg 2>err || ! grep -q cairo err; then
    check "pictures, too" exits 0 "$JM" compare slow.jmap fast.jmap --svg both.svg --png both.png --force
    check "which are what they say" python3 - <<'P'
import xml.etree.ElementTree as tree
assert len(list(tree.parse("both.svg").getroot().iter())) > 30
assert open("both.png", "rb").read(8) == b"\x89PNG\r\n\x1a\n"
P
    check "page and picture in one go" exits 0 "$JM" compare slow.jmap fast.jmap --html again.html --png again.png
    check "a picture that is there stays" exits 1 "$JM" compare slow.jmap fast.jmap --png again.png
fi
chromium=$(command -v chromium || command -v chromium-browser) || { echo "SKIP: no Chromium here (scripts/setup ci)"; exit 77; }
check "in the browser" timeout 250 python3 "$SOURCE/tests/integration/compare_page.py" "$chromium" "$WORK"
finish
