"""Opens a page in headless Chromium, waits until a script says true, and prints what another one gives; optionally a screenshot.

usage: browse.py CHROMIUM URL READY_SCRIPT RESULT_SCRIPT [SCREENSHOT [SECONDS]]"""
import sys
import time

from devtools import Browser

chromium, url, ready, result = sys.argv[1:5]
with Browser(chromium, url) as browser:
    browser.wait(f"document.body && ({ready})")
    time.sleep(float(sys.argv[6]) if len(sys.argv) > 6 else 0)
    print(browser.evaluate(result))
    if len(sys.argv) > 5:
        browser.screenshot(sys.argv[5])
