"""A service attacked by its clients, and killed: bench/faults.py."""
import json
import os
import signal
import socket
import struct
import subprocess
import time

from fault_runs import PATIENCE, Blame, judge_recording, require, stepping_clock, write_script


class Client:
    """Does to the service what it should not."""

    def __init__(self, w, port):
        self.w, self.port, self.held = w, port, []

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)

    def request(self, method, path, body=None):
        text = json.dumps(body) if body is not None else ""
        head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        head += f"Content-Type: application/json\r\nContent-Length: {len(text)}\r\n" if body is not None else ""
        return (head + "\r\n" + text).encode()

    def ask(self, method, path, body=None):
        with self.connect() as s:
            s.sendall(self.request(method, path, body))
            data = b""
            while piece := s.recv(65536):
                data += piece
        head, _, rest = data.partition(b"\r\n\r\n")
        return int(head.split()[1]), rest

    def vanish(self):
        s = self.connect()
        if self.w.random.random() < 0.5:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        data = self.request("POST", "/measurements", {"pids": [os.getpid()], "duration_s": 0.2})
        s.sendall(data[: self.w.random.randrange(len(data) + 1)])
        s.close()

    def stall(self):
        s = self.connect()
        s.sendall(self.request("GET", "/metrics")[: self.w.random.randrange(20)])
        self.held.append(s)

    def not_read(self):
        s = self.connect()
        s.sendall(self.request("GET", self.w.random.choice(["/stream", "/metrics"])) * self.w.random.choice([1, 20]))
        self.held.append(s)

    def lie(self):
        s = self.connect()
        s.sendall(b"POST /items HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n" + self.w.random.choice(
            [b"Content-Length: 100000\r\n\r\n{", b"Content-Length: -5\r\n\r\n{}", b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n",
             b"Content-Length: 3\r\nContent-Length: 9\r\n\r\n{}x", b"Host: evil.example\r\n\r\n", b"X" * 60000]))  # fmt: skip
        s.close()

    def garbage(self):
        s = self.connect()
        try:
            s.sendall(self.w.random.randbytes(self.w.random.randrange(1, 5000)))
        except OSError:
            pass
        s.close()

    def hostile_body(self):
        body = self.w.random.choice(
            [{"pids": [2**62]}, {"pids": []}, {"pids": [-1]}, {"pids": "x"}, {"pids": [1] * 5000}, {"pids": [1], "duration_s": 1e300}, [], 5,
             {"pids": [1], "start_in_s": -5}, {"pids": [1], "label": "\u001b[2J" * 50}, {"pids": [1], "devices": ["x"]}])  # fmt: skip
        status, _ = self.ask("POST", "/measurements", body)
        require(400 <= status < 500 or status == 201, "a bad request is answered", str(status))

    def close(self):
        for s in self.held:
            s.close()


def start_service(w, sensors):
    # Elsewhere than where clocks are known to step, as under sanitizers, one does not.
    environment = stepping_clock(w) if w.may_step and w.random.random() < 0.3 else w.environment
    process = w.start("serve", "--port", "0", "-i", "20ms", "-s", sensors, "--output", w.path("served"), env=environment)
    line = process.stdout.readline().decode()
    if not line:
        raise Blame("serve does not start: " + w.finish(process)[2][-300:])
    return process, int(line.rsplit(":", 1)[1])


def check_measurement(m):
    """Processes of one measurement have no more than the machine."""
    machine = m["machine"].get("cpu", {}).get("energy_j")
    known = [p["cpu"]["energy_j"] for p in m["processes"] if p.get("cpu", {}).get("energy_j") is not None]
    require(all(e >= -1e-9 for e in known), "a process of negative energy", json.dumps(m)[:500])
    if machine is not None and known and len(known) == len(m["processes"]):
        require(max(known) <= machine * (1 + 1e-6) + 1e-6, "a process has more than the machine", json.dumps(m)[:500])


def service_attacked(w):
    sensors = write_script(w)
    process, port = start_service(w, sensors)
    client = Client(w, port)
    victims = [subprocess.Popen(["sh", "-c", "while :; do :; done"]) for _ in range(2)]
    ids = []
    try:
        for _ in range(w.random.randrange(5, 25)):
            act = w.random.choice(["vanish", "stall", "not_read", "lie", "garbage", "hostile_body", "measure", "measure", "kill", "look"])
            if act == "measure":
                status, body = client.ask("POST", "/measurements", {"pids": [v.pid for v in victims], "duration_s": w.random.choice([0.05, 0.3, 60])})
                require(status in (201, 404), f"a good request gets {status}", body[:200].decode())
                ids += [json.loads(body)["id"]] if status == 201 else []
            elif act == "kill":
                w.random.choice(victims).kill()
            elif act == "look":
                for i in ids:
                    status, body = client.ask("GET", f"/measurements/{i}")
                    require(status == 200, f"measurement {i} is gone: {status}")
                    check_measurement(json.loads(body))
            else:
                getattr(client, act)()
            time.sleep(w.random.random() * 0.03)
        status, _ = client.ask("GET", "/healthz")
        require(status in (200, 503), f"/healthz: {status}")
        if w.random.random() < 0.5:
            os.kill(process.pid, signal.SIGKILL)
            w.finish(process, may_be_killed=True)
            w.count("killed")
            process, port = start_service(w, sensors)
            for i in ids:
                status, body = Client(w, port).ask("GET", f"/measurements/{i}")
                if status == 200:
                    check_measurement(json.loads(body))
        client.close()
        os.kill(process.pid, signal.SIGTERM)
        code, _, err = w.finish(process)
        require(code == 0, f"serve ends with {code}", err[-500:])
    finally:
        for v in victims:
            v.kill()
            v.wait()
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
    for d, _, files in os.walk(w.path("served")):
        for name in files:
            if name.endswith(".jmap"):
                judge_recording(w, os.path.join(d, name))
                w.count("recordings")
            elif name.endswith(".json") and not name.startswith("."):
                with open(os.path.join(d, name), encoding="utf-8") as f:
                    text = f.read()
                require(not text or json.loads(text) is not None, f"{name} is no JSON")
