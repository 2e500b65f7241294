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


def open_page(b, name):
    b.events.clear()
    b.evaluate("window.isBefore = true")
    b.open(f"file://{folder}/{name}")
    b.wait(f"!window.isBefore && location.pathname.endsWith('{name}')")
    ready(b)


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


def hot_spots(b):
    text = b.evaluate("document.querySelector('#hotspots').innerText")
    check("which layers first is said in a sentence", "Made as in fast, the layers of a<b> take" in text and "less energy" in text, text[:300])
    check("fifteen rows at first", len(cells(b, "hot", 0)) == 15, len(cells(b, "hot", 0)))
    numbers = [float(v.replace("\u202f%", "").replace("−", "-")) for v in cells(b, "hot", 1)]
    check("what saves most stands first", numbers == sorted(numbers, reverse=True) and numbers[0] > 0, numbers)
    sums = [float(v.replace("\u202f%", "").replace("−", "-")) for v in cells(b, "hot", 4)]
    check("sums grow by each row", abs(sums[3] - sum(numbers[:4])) < 0.3, [sums[:4], numbers[:4]])
    check("a bar shows the share, and what of it is saved", b.evaluate(
        "[...document.querySelectorAll('#hot .bar')].every((e) => e.querySelector('i.pale') && e.querySelectorAll('i').length === 2 &&"
        " parseFloat(e.children[1].style.width) <= parseFloat(e.children[0].style.width))"))
    second = "document.querySelector('#hotspots [aria-label=\"Hot spots by\"] button:nth-child(2)')"
    b.evaluate(second + ".focus({ preventScroll: true })")
    b.key("Enter", "\r")
    check("the keyboard shows parts", b.evaluate(second + ".getAttribute('aria-pressed')") == "true")
    kinds = [c.split("\n")[0] for c in cells(b, "hot", 0)]
    check("four of them", sorted(kinds) == ["attention", "convolution", "normalisation", "other"], kinds)
    b.click("#hot th:nth-child(1) button")
    kinds = [c.split("\n")[0] for c in cells(b, "hot", 0)]
    check("which sort by name", kinds == sorted(kinds), kinds)
    b.click("#hotspots [aria-label=\"Hot spots by\"] button:nth-child(1)")
    check("and layers come back", len(cells(b, "hot", 0)) == 15)
    gain = b.evaluate("hotOfVariant({variants: [{name: 'a'}, {name: 'b'}]}, {variant: 'b', types: [], parts: [], layers:"
                      " [{name: 'x', share: 0.6, gain: null, saved_share: null}, {name: 'y', share: 0.4, gain: null, saved_share: null}]})[0].innerText")
    check("without ratios shares are shown, and that is said", "no ratio" in gain, gain)


def amounts(b):
    text = b.evaluate("document.querySelector('#tariff').innerText")
    check("carbon and cost are the user's figures", "420 g of CO₂ equivalent and 0.3 EUR a kWh: the user's own figures" in text, text)
    energy = b.evaluate("page.comparison.variants[0].figures.energy_per_item_mj.mean")
    check("and come from the energy", abs(b.evaluate("page.comparison.tariff.variants[0].carbon_g_per_item") / (energy / 1e3 / 3.6e6 * 420) - 1) < 1e-9)
    check("each variant has its own", len(cells(b, "amounts", 1)) == 2 and all(v.endswith("g") for v in cells(b, "amounts", 1)), cells(b, "amounts", 1))
    check("each by itself, too", "By the reader's own figures" in b.evaluate("document.querySelector('#method').innerText"))


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
    check("without energies no layer comes first", "No energy is known of any layer" in browser.evaluate("document.querySelector('#hotspots').innerText"))
    layers(browser)
    each_by_itself(browser)
    looks(browser)
    check("no error, no refusal", not browser.complaints(), browser.complaints())
    asked = [u for u in browser.requests() if not u.startswith(("file://" + folder, "data:"))]
    check("nobody else is asked", not asked, asked)
    open_page(browser, "hot.html")
    hot_spots(browser)
    amounts(browser)
    looks(browser)
    check("no error, no refusal there", not browser.complaints(), browser.complaints())
    open_page(browser, "one.html")
    check("one variant has a page, too", len(cells(browser, "variants", 0)) == 1)
    check("without ratios", not browser.evaluate("document.querySelector('#ratios')"))
    check("its layers by share", "A second recording gives the gain of each" in browser.evaluate("document.querySelector('#hotspots').innerText"))
    check("without a gain", len(browser.evaluate("[...document.querySelectorAll('#hot thead th')].map((e) => e.innerText)")) == 4)
    check("no carbon that nobody gave", not browser.evaluate("document.querySelector('#tariff')"))
    check("without errors", not browser.complaints(), browser.complaints())
sys.exit(1 if n_failed else 0)
