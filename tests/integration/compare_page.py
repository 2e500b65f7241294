"""Uses the pages that test_compare_page.sh made as a reader would. usage: compare_page.py CHROMIUM FOLDER"""
import sys

from devtools import Browser

chromium, folder = sys.argv[1:3]
n_failed = 0


def check(what, value, seen=""):
    global n_failed
    print(("ok: " if value else "FAILED: ") + what, "" if value else seen)
    n_failed += not value


def cells(b, table, column):
    return b.evaluate(f"[...document.querySelectorAll('#{table} tbody tr:not(.detail)')].map((r) => r.cells[{column}].innerText)")


def ready(b):
    b.wait("document.documentElement?.dataset.ready === 'yes'", "the page to be drawn")
    b.frames(3)


def side_by_side(b):
    text = b.evaluate("document.body.innerText")
    for word in ("Side by side", "Against a<b>", "Layer by layer", "Each by itself", "the energy of a<b>"):
        check(f"it says '{word}'", word in text)
    # The table of single recordings is folded up.
    check("it says what measuring took", "own cost" in b.evaluate("document.querySelector('#trials')?.textContent ?? ''").lower())
    check("both variants have a row", len(cells(b, "variants", 0)) == 2, cells(b, "variants", 0))
    check("the ratio of the latency is drawn", b.evaluate(
        "[...document.querySelectorAll('#ratios tbody tr')].some((r) =>"
        " r.innerText.startsWith('Latency') && r.querySelector('.forest b') && r.querySelector('.forest u'))"))
    check("a point below 1 lies left of the line", b.evaluate(
        "(() => { const r = [...document.querySelectorAll('#ratios tbody tr')].find((x) => x.innerText.startsWith('Latency'));"
        " return parseFloat(r.querySelector('.forest b').style.left) < 50 && parseFloat(r.innerText.match(/[0-9.]+(?=.×)/)[0]) < 1; })()"))
    for p, looks_so in (("null", "open"), ("0.2", "open"), ("0.01", "")):
        shape = b.evaluate(f"forest({{value: 0.5, ci: null, p: {p}}}, 1, 'red').querySelector('b').className")
        check(f"p of {p} is drawn {looks_so or 'filled'}", shape == looks_so, shape)


def layers(b):
    check("twenty pairs at first", len(cells(b, "pairs", 0)) == 20, len(cells(b, "pairs", 0)))
    check("each with two bars", b.evaluate("[...document.querySelectorAll('#pairs .pair')].every((p) => p.querySelectorAll('.bar').length === 2)"))
    b.click("#pairs th:nth-child(1) button")
    check("a click sorts by name", cells(b, "pairs", 0)[0].startswith("/encoder/layer.0/"), cells(b, "pairs", 0)[:2])
    b.click("#comparison .more button")
    check("all pairs on demand", len(cells(b, "pairs", 0)) == 235, len(cells(b, "pairs", 0)))
    b.click("#comparison input[type=search]")
    b.call("Input.insertText", text="Softmax_9")
    b.frames()
    check("finding by name", len(cells(b, "pairs", 0)) == 12, cells(b, "pairs", 0))


def each_by_itself(b):
    b.evaluate("document.documentElement.dataset.ready = 'no'")
    before = b.evaluate("document.querySelector('.figures').innerText")
    b.click("nav.tabs button:nth-child(2)")
    ready(b)
    check("the other recording has other figures", b.evaluate("document.querySelector('.figures').innerText") != before)
    check("the tab keeps the focus", b.evaluate("document.activeElement.getAttribute('aria-pressed')") == "true")
    check("and its power is drawn", b.evaluate("document.querySelectorAll('canvas').length") == 1)


def looks(b):
    b.size(360, 740, 2, True)
    check("a phone need not scroll sideways", b.evaluate("document.documentElement.scrollWidth <= innerWidth"), b.evaluate("document.documentElement.scrollWidth"))
    b.size(1200, 1010)
    b.media(media="print")
    check("what colours mean is printed", b.evaluate("[...document.querySelectorAll('.legend')].every((e) => getComputedStyle(e).display !== 'none')"))
    b.media()


with Browser(chromium, f"file://{folder}/both.html", limit_s=100) as browser:
    ready(browser)
    side_by_side(browser)
    layers(browser)
    each_by_itself(browser)
    looks(browser)
    check("no error, no refusal", not browser.complaints(), browser.complaints())
    asked = [u for u in browser.requests() if not u.startswith(("file://" + folder, "data:"))]
    check("nobody else is asked", not asked, asked)
    browser.events.clear()
    browser.evaluate("window.isBefore = true")
    browser.open(f"file://{folder}/one.html")
    browser.wait("!window.isBefore && location.pathname.endsWith('one.html')")
    ready(browser)
    check("one variant has a page, too", len(cells(browser, "variants", 0)) == 1)
    check("without ratios", not browser.evaluate("document.querySelector('#ratios')"))
    check("without errors", not browser.complaints(), browser.complaints())
sys.exit(1 if n_failed else 0)
