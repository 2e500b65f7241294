# The HTML report in a real browser: what it shows, sorting, zoom, keys, a phone, the dark, print, and names that mean harm.
. "$SOURCE/tests/integration/lib.sh"

chromium=$(command -v chromium || command -v chromium-browser) || { echo "SKIP: no Chromium here (scripts/setup ci)"; exit 77; }
"$BUILD/bench/bench_html_recording" big.jmap 20 60000 || exit 1
check "a page is written" exits 0 "$JM" report big.jmap --method integrate --html big.html
check "what is there is not overwritten" exits 1 "$JM" report big.jmap --method integrate --html big.html
check "unless asked to" exits 0 "$JM" report big.jmap --method integrate --html big.html --force
check "a format of export, too" exits 0 "$JM" export big.jmap --method integrate --format html -o again.html
check "it names no other host" bash -c "! grep -oE '(src|href)=\"?[a-z]*:?//[^\" >]*' big.html"

# A recording whose every text was written by somebody who means harm.
cp big.jmap evil.jmap
python3 - <<'P'
import sqlite3
db = sqlite3.connect("evil.jmap")
evil = '</script><script>window.harm=1</script><img src=x onerror="window.harm=1">\u2028"\'&lt;--><!--<script>'
db.execute("UPDATE name SET text = ? || id, type = ? WHERE text != 'measured'", (evil, "</style><b onclick=1>" + evil))
db.execute("UPDATE meta SET value = ? WHERE key IN ('command', 'model')", (evil,))
db.execute("UPDATE channel SET name = name || ?, label = ?", ("</title><svg onload=harm=1>", evil[:40]))
db.execute("INSERT INTO meta VALUES ('hostname', ?), ('cpu', ?)", (evil, evil))
db.execute("INSERT INTO event(t_ns, duration_ns, channel, kind, text) SELECT min(value) + 5000000000, 0, NULL, 'note', ? FROM meta WHERE key = 'time_origin_ns'", (evil,))
db.commit()
P
check "one with hostile names" exits 0 "$JM" report evil.jmap --method integrate --html evil.html
check "no text of it ends the data" python3 - <<'P'
import re
page = open("evil.html", encoding="utf-8").read()
assert page.count("</script") == 2, page.count("</script")
data = re.search(r'<script type="application/json" id="data">(.*?)</script', page, re.S).group(1)
assert "<" not in data
P

# One without spans, without power: nothing to draw is said.
printf 'channel c energy counter domain=package step=0.001 interpolate=yes\n0 c 0\n1000s c 50000\n1000s end\n' >script
check "a short recording" exits 0 "$JM" record -s replay:script -d 0.5 -o short.jmap
check "has a page, too" exits 0 "$JM" report short.jmap --html short.html

check "in the browser" timeout 250 python3 "$SOURCE/tests/integration/report_page.py" "$chromium" "$WORK"
finish
