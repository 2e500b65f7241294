#!/usr/bin/env python3
"""The HTML report of ten minutes at 1 kHz, six channels, a million spans: how long it takes to write, how large it is, how soon
headless Chromium paints it. Medians; prints JSON. usage: bench/page.py [BUILD_FOLDER [RUNS]]"""
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests", "integration"))
from devtools import Browser  # noqa: E402

build = sys.argv[1] if len(sys.argv) > 1 else "build"
runs = int(sys.argv[2]) if len(sys.argv) > 2 else 5
chromium = shutil.which("chromium") or shutil.which("chromium-browser")


def write(recording, page, method):
    """Seconds by the clock and of processor time, and the largest memory so far, MiB."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    subprocess.run([f"{build}/joulemap", "report", recording, "--method", method, "--html", page, "--force"], check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.monotonic() - start, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, after.ru_maxrss / 1024


def paint(page):
    """Milliseconds from the start of the navigation to the first content, to all of it, and for one zoomed picture."""
    with Browser(chromium, "file://" + page) as b:
        b.wait("document.documentElement?.dataset.ready === 'yes'")
        first = b.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
        whole = b.evaluate("performance.getEntriesByName('drawn')[0].startTime")
        frame = b.evaluate("(() => { const t = current.timeline, list = []; for (let i = 0; i < 20; i++) { t.from = i; t.to = 600 - i; const a = performance.now();"
                           " t.draw(); t.g.getImageData(0, 0, 1, 1); list.push(performance.now() - a); } return list.sort((a, b) => a - b)[10]; })()")
        return first, whole, frame


with tempfile.TemporaryDirectory() as folder:
    recording, page = os.path.join(folder, "big.jmap"), os.path.join(folder, "big.html")
    subprocess.run([f"{build}/bench/bench_html_recording", recording], check=True)
    out = {"recording_mb": round(os.path.getsize(recording) / 1e6, 1), "runs": runs}
    for method in ("auto", "integrate"):
        wall, cpu, memory = zip(*(write(recording, page, method) for _ in range(runs)))
        out[f"write_{method}_s"] = round(statistics.median(wall), 2)
        out[f"write_{method}_cpu_s"] = round(statistics.median(cpu), 2)
        out["memory_mib"] = round(max(memory))
    out["page_mb"] = round(os.path.getsize(page) / 1e6, 2)
    if chromium:
        first, whole, frame = zip(*(paint(page) for _ in range(runs)))
        out["first_paint_ms"] = round(statistics.median(first))
        out["all_drawn_ms"] = round(statistics.median(whole))
        out["frame_ms"] = round(statistics.median(frame), 1)
    print(json.dumps(out, indent=2))
