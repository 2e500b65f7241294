"""Uses the pages that test_report_page.sh made as a reader would. usage: report_page.py CHROMIUM FOLDER"""
import sys

from devtools import Browser

chromium, folder = sys.argv[1:3]
n_failed = 0


def check(what, value, seen=""):
    global n_failed
    print(("ok: " if value else "FAILED: ") + what, "" if value else seen)
    n_failed += not value


def ready(b):
    b.wait("document.documentElement?.dataset.ready === 'yes'", "the page to be drawn")
    b.frames(3)


def open_page(b, name):
    b.events.clear()
    b.evaluate("window.isBefore = true")
    b.open(f"file://{folder}/{name}")
    b.wait(f"!window.isBefore && location.pathname.endsWith('{name}')")
    ready(b)


def shown(b):
    return b.evaluate("[+document.querySelector('canvas').dataset.from, +document.querySelector('canvas').dataset.to]")


def is_quiet(b, what):
    check(f"{what}: no error, no refusal", not b.complaints(), b.complaints())
    asked = [u for u in b.requests() if not u.startswith(("file://" + folder, "data:"))]
    check(f"{what}: nobody else is asked", not asked, asked)


def what_it_shows(b):
    text = b.evaluate("document.body.innerText")
    for word in ("Power over time", "Where it went", "Energy against time", "Sensors and what came of them", "How it was measured", "Machine and command",
                 "bench html_recording", "add up to the whole", "Own cost of measuring", "60", "the least, the mean and the greatest power of each bucket"):
        check(f"it says '{word}'", word in text)
    check("the whole's shares are 100 %", b.evaluate(
        "(() => { const r = [...document.querySelectorAll('#closure tbody tr')].map((x) => parseFloat(x.cells[2].innerText));"
        " return Math.abs(r.slice(0, -1).reduce((a, v) => a + v, 0) - r.at(-1)) < 0.05; })()"))
    check("every chart has a table or a name", b.evaluate("[...document.querySelectorAll('canvas, svg.chart, .stack')].every((e) => e.getAttribute('aria-label'))"))
    check("the canvas is not blank", b.evaluate(
        "(() => { const c = document.querySelector('canvas'), d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data, s = new Set();"
        " for (let i = 0; i < d.length; i += 4) s.add(d[i] + ',' + d[i+1] + ',' + d[i+2]); return s.size > 6; })()"))


def sorting(b):
    column = "[...document.querySelectorAll('#layer-table tbody tr')].map((r) => r.cells[{}].innerText)"
    energies = b.evaluate("[...document.querySelectorAll('#layer-table tbody tr:not(.detail)')].length")
    check("forty rows at first", energies == 40, energies)
    check("sorted by energy", b.evaluate("document.querySelector('#layer-table th:nth-child(2)').getAttribute('aria-sort')") == "descending")
    b.click("#layer-table th:nth-child(1) button")
    names = b.evaluate(column.format(0))
    check("a click sorts by name", names[0].startswith("/encoder/layer.0/"), names[:2])
    check("and says so", b.evaluate("document.querySelector('#layer-table th:nth-child(1)').getAttribute('aria-sort')") == "ascending")
    b.click("#layer-table th:nth-child(1) button")
    check("a second one turns it round", b.evaluate(column.format(0))[0].startswith("/encoder/layer.11/"))
    b.evaluate("document.querySelector('#layer-table th:nth-child(6) button').focus()")
    b.key("Enter", "\r")
    check("the keyboard sorts, too", b.evaluate("document.querySelector('#layer-table th:nth-child(6)').getAttribute('aria-sort')") == "descending")
    b.click("#layers .more button")
    check("all rows on demand", b.evaluate("document.querySelectorAll('#layer-table tbody tr:not(.detail)').length") == 235)
    b.click("#search")
    b.call("Input.insertText", text="Softmax_9")
    b.frames()
    rows = b.evaluate(column.format(0))
    check("finding by name", len(rows) == 12 and all("Softmax_9" in r for r in rows), rows)
    b.click("#layers .group button:nth-child(2)")
    b.evaluate("(() => { const s = document.querySelector('#search'); s.value = ''; s.dispatchEvent(new Event('input')); })()")
    check("types instead of layers", b.evaluate("document.querySelectorAll('#layer-table tbody tr:not(.detail)').length") == 5)
    before = b.evaluate("document.querySelector('.figures dd').innerText")
    b.evaluate("(() => { const s = document.querySelector('#channel'); s.selectedIndex = 1; s.dispatchEvent(new Event('change')); })()")
    check("another channel has other figures", b.evaluate("document.querySelector('.figures dd').innerText") != before)


def hot_spots(b):
    text = b.evaluate("document.querySelector('#hotspots-own').innerText")
    check("how many layers take most is said", "of 235 layers take" in text and "of the energy of all layers" in text, text[:200])
    rows = "[...document.querySelectorAll('#hot-own tbody tr')].map((r) => [r.cells[0].innerText.split('\\n')[0], r.cells[1].innerText, r.cells[2].innerText])"
    parts = b.evaluate(rows)
    shares = [float(r[1].replace("\u202f%", "")) for r in parts]
    check("by parts of the network, most first", len(parts) >= 3 and shares == sorted(shares, reverse=True), parts)
    check("which are the whole together", abs(sum(shares) - 100) < 0.3 and parts[-1][2] == "100.0\u202f%", parts)
    b.click("#hotspots-own .group button:nth-child(3)")
    check("by type", len(b.evaluate(rows)) == 5, b.evaluate(rows))
    b.click("#hotspots-own .group button:nth-child(2)")
    check("by layer, some of them", len(b.evaluate(rows)) == 15, len(b.evaluate(rows)))
    b.click("#hotspots-own .more button")
    check("all on demand", len(b.evaluate(rows)) == 235, len(b.evaluate(rows)))


def columns(b):
    """Power as columns of pixels, wherever buckets and pixels meet: no column is left out, none is drawn twice."""
    for pixels in (0.3, 0.9, 1.0, 1.4, 1.9):
        holes = b.evaluate(f"""(() => {{ const t = current.timeline, l = t.scene.channels[0].levels[0], own = t.g, from = t.from, to = t.to, rects = [];
            t.from = 0; t.to = t.width * l.width / {pixels}; t.g = {{ fillRect: (x, y, w) => rects.push([x, w]) }};
            t.columns(l, 1, Math.min(l.n, 300)); t.g = own; t.from = from; t.to = to;
            const n = rects.findIndex(([x], i) => i && x < rects[i - 1][0]);
            return rects.slice(1, n).filter(([x], i) => Math.abs(rects[i][0] + rects[i][1] - x) > 1e-6).length + (n < 20 ? 1000 : 0); }})()""")
        check(f"columns without holes, {pixels} pixels a bucket", holes == 0, holes)


def zooming(b):
    x, y = b.centre("canvas")
    box = b.evaluate("(() => { const r = document.querySelector('canvas').getBoundingClientRect(); return [r.x, r.y, r.width, r.height]; })()")
    y = box[1] + 100
    whole = shown(b)
    b.wheel(x, y, -200)
    check("the wheel alone scrolls the page", shown(b) == whole)
    x, _ = b.centre("canvas")
    y = b.evaluate("document.querySelector('canvas').getBoundingClientRect().y") + 100
    b.mouse("mousePressed", x, y, button="left", clickCount=1)
    b.mouse("mouseReleased", x, y, button="left", clickCount=1)
    b.wheel(x, y, -200)
    near = shown(b)
    check("after a click it zooms", near[1] - near[0] < (whole[1] - whole[0]) * 0.7, near)
    b.key("Home")
    check("Home shows all", shown(b) == whole, shown(b))
    b.drag(box[0] + 300, y, box[0] + 500, y)
    dragged = shown(b)
    check("dragging over a stretch shows it", 0.1 < (dragged[1] - dragged[0]) / (whole[1] - whole[0]) < 0.3, dragged)
    b.key("ArrowRight")
    moved = shown(b)
    check("arrows move", moved[0] > dragged[0] and abs((moved[1] - moved[0]) - (dragged[1] - dragged[0])) < 1e-6, moved)
    b.key("+", "+")
    check("plus zooms in", shown(b)[1] - shown(b)[0] < (moved[1] - moved[0]) * 0.6)
    hint = "document.querySelector('#time-hint').innerText"
    check("it says what is drawn", "buckets of" in b.evaluate(hint), b.evaluate(hint))
    b.evaluate("(() => { const s = document.querySelector('#time select'); s.value = '2'; s.dispatchEvent(new Event('change')); })()")
    b.frames(3)
    check("a stretch kept whole shows everything", "Power: every single reading. Spans: every one." in b.evaluate(hint), b.evaluate(hint))
    b.evaluate("document.querySelector('#time-figures').open = true")
    b.frames(3)
    figures = b.evaluate("document.querySelector('#time-figures').innerText")
    check("its figures stand in a table", "rapl/package-0" in figures and "/encoder/" in figures, figures[:300])
    b.evaluate("document.querySelector('canvas').focus()")
    b.key(".", ".")
    b.frames(3)
    tip = b.evaluate("document.querySelector('#time .tip').innerText")
    check("full stop steps to a span and names it", "/encoder/" in tip, tip)
    b.key("Home")
    b.click("#time label.key input")
    check("a channel can be left out", b.evaluate("!document.querySelector('#time label.key input').checked"))
    b.click("#scatter .dot")
    check("a point leads to its row", b.evaluate("document.querySelector('#search').value").startswith("/encoder/"))


def looks(b):
    b.size(360, 740, 2, True)
    check("a phone need not scroll sideways", b.evaluate("document.documentElement.scrollWidth <= innerWidth"), b.evaluate("document.documentElement.scrollWidth"))
    check("buttons are large enough for a finger", b.evaluate(
        "[...document.querySelectorAll('#time .group button')].every((e) => e.getBoundingClientRect().height >= 32)"))
    b.size(1200, 1010)
    light = b.evaluate("getComputedStyle(document.body).backgroundColor")
    b.media(color_scheme="dark")
    check("there is a dark side", b.evaluate("getComputedStyle(document.body).backgroundColor") != light)
    b.media(color_scheme="light")
    b.media(media="print")
    check("buttons are not printed", b.evaluate("[...document.querySelectorAll('.bar-controls')].every((e) => getComputedStyle(e).display === 'none')"))
    b.media()
    b.pdf(folder + "/page.pdf")
    check("printing leaves the page as it was", b.evaluate("!document.documentElement.classList.contains('print')"))


def contrast(b):
    """Texts against the page: 4.5 to 1 at least (WCAG 2.2, 1.4.3), in both schemes."""
    script = """(() => { const at = (n) => { const c = document.createElement('canvas').getContext('2d');
        c.fillStyle = getComputedStyle(document.documentElement).getPropertyValue(n).trim(); c.fillRect(0, 0, 1, 1);
        const linear = (v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4, [r, g, b] = [...c.getImageData(0, 0, 1, 1).data].map(linear);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
      return ['--ink', '--soft', '--bad'].map((n) => { const a = at(n), p = at('--paper');
        return (Math.max(a, p) + 0.05) / (Math.min(a, p) + 0.05); }); })()"""
    for scheme in ("light", "dark"):
        b.media(color_scheme=scheme)
        check(f"texts stand out, {scheme}", min(b.evaluate(script)) >= 4.5, b.evaluate(script))
    b.media()


with Browser(chromium, f"file://{folder}/big.html", limit_s=100) as browser:
    ready(browser)
    what_it_shows(browser)
    hot_spots(browser)
    columns(browser)
    zooming(browser)
    open_page(browser, "big.html")
    sorting(browser)
    looks(browser)
    contrast(browser)
    is_quiet(browser, "a large recording")
    open_page(browser, "evil.html")
    check("hostile names do nothing", browser.evaluate("window.harm === undefined"))
    check("and stand there as text", "</script><script>window.harm=1</script>" in browser.evaluate("document.body.innerText"))
    check("as names of elements", browser.evaluate("document.querySelectorAll('img, b[onclick], svg[onload]').length") == 0)
    is_quiet(browser, "hostile names")
    open_page(browser, "short.html")
    check("without spans it says so", "no spans to split the energy over" in browser.evaluate("document.body.innerText"))
    is_quiet(browser, "a short recording")
sys.exit(1 if n_failed else 0)
