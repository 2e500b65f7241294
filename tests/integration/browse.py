"""Opens a page in headless Chromium, waits until a script says true, and prints what another one gives; optionally a screenshot.

usage: browse.py CHROMIUM URL READY_SCRIPT RESULT_SCRIPT [SCREENSHOT [SECONDS]]   (DevTools protocol over a WebSocket, RFC 6455)"""
import base64
import json
import os
import socket
import struct
import subprocess
import sys
import tempfile
import time
import urllib.request

chromium, url, ready, result = sys.argv[1:5]
shot = sys.argv[5] if len(sys.argv) > 5 else None
extra_s = float(sys.argv[6]) if len(sys.argv) > 6 else 0


def receive(s, n):
    data = b""
    while len(data) < n:
        part = s.recv(n - len(data))
        if not part:
            raise EOFError("the browser closed")
        data += part
    return data


def read_message(s):
    text = b""
    while True:
        first, length = receive(s, 2)
        length &= 127
        if length == 126:
            length = struct.unpack(">H", receive(s, 2))[0]
        elif length == 127:
            length = struct.unpack(">Q", receive(s, 8))[0]
        text += receive(s, length)
        if first & 128:
            return json.loads(text)


def call(s, method, **params):
    call.number += 1
    text = json.dumps({"id": call.number, "method": method, "params": params}).encode()
    head = bytes([129]) + (bytes([128 | len(text)]) if len(text) < 126 else bytes([254]) + struct.pack(">H", len(text)))
    s.sendall(head + b"\0\0\0\0" + text)
    while True:
        answer = read_message(s)
        if answer.get("id") == call.number:
            return answer["result"]


call.number = 0


def evaluate(s, script):
    return call(s, "Runtime.evaluate", expression=script, returnByValue=True)["result"].get("value")


# The browser may still write while its folder is removed.
with tempfile.TemporaryDirectory(**({"ignore_cleanup_errors": True} if sys.version_info >= (3, 10) else {})) as folder:
    browser = subprocess.Popen([chromium, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--remote-debugging-port=0",
                                "--window-size=1200,1010", "--hide-scrollbars", "--user-data-dir=" + folder, url],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline, port = time.monotonic() + 30, None
        while not port and time.monotonic() < deadline:
            try:
                port = int(open(os.path.join(folder, "DevToolsActivePort")).readline())
            except (OSError, ValueError):
                time.sleep(0.1)
        pages = [p for p in json.load(urllib.request.urlopen(f"http://127.0.0.1:{port}/json")) if p["type"] == "page"]
        path = pages[0]["webSocketDebuggerUrl"].partition(str(port))[2]
        s = socket.create_connection(("127.0.0.1", port), timeout=30)
        s.sendall((f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                   f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}\r\nSec-WebSocket-Version: 13\r\n\r\n").encode())
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += receive(s, 1)
        while not evaluate(s, ready) and time.monotonic() < deadline:
            time.sleep(0.2)
        time.sleep(extra_s)
        print(evaluate(s, result))
        if shot:
            data = call(s, "Page.captureScreenshot", format="png")["data"]
            with open(shot, "wb") as out:
                out.write(base64.b64decode(data))
    finally:
        browser.terminate()
        browser.wait()
