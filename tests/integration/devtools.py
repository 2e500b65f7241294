"""A page in headless Chromium, driven through the DevTools protocol over a WebSocket (RFC 6455): no package needed."""
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


class Browser:
    """usage: with Browser(chromium, url) as b: b.wait("document.title"); b.evaluate("1 + 1")"""

    def __init__(self, chromium, url, size=(1200, 1010), limit_s=60):
        self.number, self.events, self.limit_s = 0, [], limit_s
        # The browser may still write while its folder is removed.
        self.folder = tempfile.TemporaryDirectory(**({"ignore_cleanup_errors": True} if sys.version_info >= (3, 10) else {}))
        self.process = subprocess.Popen(
            [chromium, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--remote-debugging-port=0",
             f"--window-size={size[0]},{size[1]}", "--hide-scrollbars", "--user-data-dir=" + self.folder.name, "about:blank"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            self._connect()
            for domain in ("Page", "Network", "Runtime", "Log"):
                self.call(domain + ".enable")
            self.open(url)
        except BaseException:
            self.__exit__()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        self.folder.cleanup()

    def _connect(self):
        deadline, port = time.monotonic() + self.limit_s, None
        while not port:
            try:
                with open(os.path.join(self.folder.name, "DevToolsActivePort"), encoding="ascii") as f:
                    port = int(f.readline())
            except (OSError, ValueError):
                if time.monotonic() > deadline or self.process.poll() is not None:
                    raise TimeoutError("Chromium did not start")
                time.sleep(0.05)
        pages = [p for p in json.load(urllib.request.urlopen(f"http://127.0.0.1:{port}/json")) if p["type"] == "page"]
        path = pages[0]["webSocketDebuggerUrl"].partition(str(port))[2]
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=self.limit_s)
        self.socket.sendall((f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                             f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}\r\nSec-WebSocket-Version: 13\r\n\r\n").encode())
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += self._receive(1)

    def _receive(self, n):
        data = b""
        while len(data) < n:
            part = self.socket.recv(n - len(data))
            if not part:
                raise EOFError("the browser closed")
            data += part
        return data

    def _message(self):
        text = b""
        while True:
            first, length = self._receive(2)
            length &= 127
            if length == 126:
                length = struct.unpack(">H", self._receive(2))[0]
            elif length == 127:
                length = struct.unpack(">Q", self._receive(8))[0]
            text += self._receive(length)
            if first & 128:
                return json.loads(text)

    def call(self, method, **params):
        """Gives the result; what the browser tells meanwhile is kept in events."""
        self.number += 1
        text = json.dumps({"id": self.number, "method": method, "params": params}).encode()
        n = len(text)
        head = bytes([129]) + (bytes([128 | n]) if n < 126 else bytes([254]) + struct.pack(">H", n) if n < 65536
                               else bytes([255]) + struct.pack(">Q", n))
        self.socket.sendall(head + b"\0\0\0\0" + text)
        while True:
            answer = self._message()
            if answer.get("id") == self.number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]
            self.events.append(answer)

    def open(self, url):
        self.call("Page.navigate", url=url)

    def evaluate(self, script):
        answer = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(json.dumps(answer["exceptionDetails"])[:600])
        return answer["result"].get("value")

    def wait(self, script, what=None):
        """Waits until script gives something true, and gives it."""
        deadline = time.monotonic() + self.limit_s
        while True:
            value = self.evaluate(script)
            if value:
                return value
            if time.monotonic() > deadline:
                raise TimeoutError(what or script)
            time.sleep(0.05)

    def frames(self, n=2):
        """Waits until the page has drawn n times."""
        for _ in range(n):
            self.evaluate("new Promise((r) => requestAnimationFrame(() => setTimeout(r)))")

    # ---- What a user does ----
    def centre(self, selector):
        self.evaluate(f"document.querySelector({json.dumps(selector)}).scrollIntoView({{block: 'center', behavior: 'instant'}})")
        return self.evaluate(f"(() => {{ const b = document.querySelector({json.dumps(selector)}).getBoundingClientRect();"
                             " return [b.x + b.width / 2, b.y + b.height / 2]; })()")

    def mouse(self, kind, x, y, **more):
        self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, **more)

    def click(self, selector):
        x, y = self.centre(selector)
        self.mouse("mouseMoved", x, y)
        self.mouse("mousePressed", x, y, button="left", clickCount=1)
        self.mouse("mouseReleased", x, y, button="left", clickCount=1)
        self.frames()

    def drag(self, x0, y0, x1, y1):
        self.mouse("mouseMoved", x0, y0)
        self.mouse("mousePressed", x0, y0, button="left", clickCount=1)
        for i in range(1, 6):
            self.mouse("mouseMoved", x0 + (x1 - x0) * i / 5, y0 + (y1 - y0) * i / 5, button="left", buttons=1)
        self.mouse("mouseReleased", x1, y1, button="left", clickCount=1)
        self.frames()

    def wheel(self, x, y, delta):
        self.mouse("mouseWheel", x, y, deltaX=0, deltaY=delta)
        self.frames()

    def key(self, name, text=None):
        self.call("Input.dispatchKeyEvent", type="keyDown", key=name, **({"text": text} if text else {}), code=name,
                  windowsVirtualKeyCode={"Tab": 9, "Enter": 13, "Home": 36, "ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40}.get(name, 0))
        self.call("Input.dispatchKeyEvent", type="keyUp", key=name, code=name)
        self.frames()

    def size(self, width, height, scale=1, is_phone=False):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=scale, mobile=is_phone)
        self.frames()

    def media(self, **features):
        medium = features.pop("media", "")
        self.call("Emulation.setEmulatedMedia", media=medium,
                  features=[{"name": "prefers-" + k.replace("_", "-"), "value": v} for k, v in features.items()])
        self.frames()

    # ---- What came of it ----
    def requests(self):
        return [e["params"]["request"]["url"] for e in self.events if e.get("method") == "Network.requestWillBeSent"]

    def complaints(self):
        """Exceptions, errors and refusals of the security policy."""
        out = []
        for e in self.events:
            if e.get("method") == "Runtime.exceptionThrown":
                details = e["params"]["exceptionDetails"]
                out.append(details.get("exception", {}).get("description", details["text"]))
            if e.get("method") == "Log.entryAdded" and e["params"]["entry"]["level"] in ("error", "warning"):
                out.append(e["params"]["entry"]["text"])
        return out

    def screenshot(self, path, whole=False):
        more = {}
        if whole:
            size = self.call("Page.getLayoutMetrics")["cssContentSize"]
            more = {"captureBeyondViewport": True, "clip": {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}}
        data = self.call("Page.captureScreenshot", format="png", **more)["data"]
        with open(path, "wb") as out:
            out.write(base64.b64decode(data))

    def pdf(self, path):
        with open(path, "wb") as out:
            out.write(base64.b64decode(self.call("Page.printToPDF", printBackground=False)["data"]))
