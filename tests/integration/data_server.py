#!/usr/bin/env python3
"""A server for joulemap data that can fail in many ways, and DagsHub's content interface in small.

usage: data_server.py FOLDER [CERTIFICATE]     prints its port, then serves until it is killed; with a certificate over TLS
Objects lie in FOLDER. The first part of a path says how the server behaves:
  /plain    as it should; PUT and POST store, GET knows ranges
  /flaky    fails the first two requests for each object with 503, cuts off the third
  /lies     gives other bytes than were asked for
  /endless  gives bytes for ever
  /cut      gives half of what is left of an object, then hangs up
  /stall    never answers
  /half     gives half of an object, then nothing more
  /full     stores three objects, then answers no more
  /together answers the first GET when four are under way at once
  /down     answers 500
  /nohead   knows no HEAD
  /denied   answers 401
  /elsewhere  sends the client to another port of this machine
/requests gives what was asked for so far, a line each. /api/v1/repos/... is DagsHub's: see hub().
"""
import base64
import collections
import http.server
import json
import os
import re
import ssl
import sys
import threading
import time
import urllib.parse

FOLDER = sys.argv[1]
SEEN = collections.Counter()
REQUESTS = []
STATE = {"n": 0, "n_full": 0, "together": False}
LOCK = threading.Lock()
TOGETHER = threading.Barrier(4)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body=b"", headers=()):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def hang_up(self):
        self.close_connection = True

    def body(self):
        if self.headers.get("Transfer-Encoding") == "chunked":
            parts = []
            while n := int(self.rfile.readline().split(b";")[0], 16):
                parts.append(self.rfile.read(n))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts)
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def handle_any(self):
        path = urllib.parse.unquote(self.path)
        how, rest = (path.strip("/").split("/", 1) + [""])[:2]
        with LOCK:
            REQUESTS.append(f"{self.command} {self.path} {self.headers.get('Range', '')} "
                            f"{'with' if self.headers.get('Authorization') else 'without'} authorization")
            SEEN[self.path] += 1
            seen = SEEN[self.path]
        if how == "requests":
            return self.answer(200, "\n".join(REQUESTS).encode())
        if how == "api":
            return hub(self, path)
        body = self.body() if self.command in ("PUT", "POST") else b""
        if how == "down":
            return self.answer(500)
        if how == "denied":
            return self.answer(401)
        if how == "stall":
            time.sleep(60)
            return self.hang_up()
        if how == "flaky" and seen <= 2:
            return self.answer(503, b"busy")
        if how == "flaky" and seen == 3:
            return self.hang_up()
        if how == "nohead" and self.command == "HEAD":
            return self.answer(405)
        if how == "elsewhere":
            return self.answer(302, headers=[("Location", f"http://localhost:{self.server.server_port}/plain/{rest}")])
        if how == "full" and self.command != "HEAD":
            with LOCK:
                STATE["n_full"] += 1
                is_stored = STATE["n_full"] <= 3
            if not is_stored:
                return time.sleep(600)
        if how == "together" and self.command == "GET" and not rest.endswith(".dir") and not STATE["together"]:
            try:
                TOGETHER.wait(60)
                STATE["together"] = True
            except threading.BrokenBarrierError:
                return self.answer(400)
        return self.store(rest, body) if self.command in ("PUT", "POST") else self.give(how, rest)

    do_GET = do_HEAD = do_PUT = do_POST = handle_any

    def store(self, rest, body):
        path = os.path.join(FOLDER, rest)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path + ".new", "wb") as file:
            file.write(body)
        os.rename(path + ".new", path)
        self.answer(201)

    def give(self, how, rest):
        try:
            with open(os.path.join(FOLDER, rest), "rb") as file:
                data = file.read()
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return self.answer(404)
        if how == "lies":
            return self.answer(200, b"?" * len(data))
        if how == "endless" and self.command == "GET":
            self.send_response(200)
            self.end_headers()
            try:
                while True:
                    self.wfile.write(data or b"x" * 65536)
            except OSError:
                return self.hang_up()
        match = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        status, headers = 200, []
        if match:
            start = int(match.group(1))
            if start >= len(data):
                return self.answer(416)
            stop = int(match.group(2)) + 1 if match.group(2) else len(data)
            status, headers = 206, [("Content-Range", f"bytes {start}-{stop - 1}/{len(data)}")]
            data = data[start:stop]
        if how in ("cut", "half") and self.command == "GET" and len(data) > 1000:
            self.send_response(status)
            for name, value in headers:
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data[:len(data) // 2])
            self.wfile.flush()
            if how == "half":
                time.sleep(600)
            return self.hang_up()
        return self.answer(status, data, headers)


def multipart(request):
    """Gives the fields {name: text} and the files [(filename, bytes)] of a form."""
    boundary = re.search(r'boundary="?([^";]+)', request.headers["Content-Type"]).group(1).encode()
    fields, files = {}, []
    for part in request.body().split(b"--" + boundary)[1:-1]:
        head, _, data = part[2:-2].partition(b"\r\n\r\n")
        name = re.search(rb'name="([^"]*)"', head).group(1).decode()
        filename = re.search(rb'filename="([^"]*)"', head)
        if filename:
            files.append((filename.group(1).decode(), data))
        else:
            fields[name] = data.decode()
    return fields, files


def hub(request, path):
    """Branches, content (GET: a list or PUT: one commit), raw; of repository me/data with the token s3cret."""
    allowed = {"Bearer s3cret", "Basic " + base64.b64encode(b"me:s3cret").decode()}
    if request.headers.get("Authorization") not in allowed:
        return request.answer(401)
    match = re.fullmatch(r"/api/v1/repos/me/data/(branches|content|raw)/([^/]+)/?(.*)", path)
    if not match:
        return request.answer(404)
    what, branch, rest = match.groups()
    root = os.path.join(FOLDER, "hub", branch)
    if what == "branches":
        return request.answer(200, json.dumps({"name": branch, "commit": {"id": f"c{STATE['n']}"}}).encode())
    if what == "content" and request.command == "PUT":
        fields, files = multipart(request)
        with LOCK:
            if fields.get("last_commit") != f"c{STATE['n']}":
                return request.answer(409, b'{"message": "the branch has moved on"}')
            STATE["n"] += 1
        for name, data in files:
            to = os.path.join(root, rest, name)
            os.makedirs(os.path.dirname(to), exist_ok=True)
            with open(to, "wb") as file:
                file.write(data)
        with open(os.path.join(FOLDER, "commits"), "a", encoding="utf-8") as file:
            file.write(json.dumps({**fields, "to": rest, "files": sorted(n for n, _ in files)}) + "\n")
        return request.answer(200, b"{}")
    whole = os.path.join(root, rest)
    if what == "raw":
        if SEEN[request.path] == 1 and rest.endswith("flaky.bin"):
            return request.answer(500)
        return request.answer(200, open(whole, "rb").read()) if os.path.isfile(whole) else request.answer(404)
    if not os.path.isdir(whole):
        return request.answer(404)
    base = f"http://{request.headers['Host']}/api/v1/repos/me/data/raw/{branch}"
    entries = [{"path": f"{rest}/{name}", "type": "dir" if os.path.isdir(os.path.join(whole, name)) else "file",
                "versioning": "dvc", "size": os.path.getsize(os.path.join(whole, name)),
                "download_url": f"{base}/{urllib.parse.quote(rest)}/{urllib.parse.quote(name)}"}
               for name in sorted(os.listdir(whole))]
    if os.path.exists(os.path.join(FOLDER, "evil")):
        entries.append({"path": f"{rest}/../../evil", "type": "file", "download_url": f"{base}/x"})
    return request.answer(200, json.dumps(entries).encode())


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


with Server(("127.0.0.1", 0), Handler) as server:
    if len(sys.argv) > 2:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(sys.argv[2])
        server.socket = context.wrap_socket(server.socket, server_side=True)
    print(server.server_port, flush=True)
    server.serve_forever()
