#!/usr/bin/env python3
"""joulemap data beside dvc: adding a tree, and pushing and pulling small objects over loopback. Prints JSON.

usage: bench/data.py [--program build/joulemap] [--files 10000] [--megabytes 2000] [--small 10000] [--repeats 3] [--folder DIR]
Each figure is the median of its repeats, of which those of the two programs alternate. Caches and remotes are empty each time, and
nothing is deleted before the end: ext4 makes files slowly where others were just deleted. --files 0 or --small 0 leaves a part out.
Memory is the largest resident set of the process; processor seconds tell more than the clock where a machine does other work, too.
Needs dvc (scripts/setup test) and nginx with WebDAV.
"""
import argparse
import json
import os
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", default=os.path.join(ROOT, "build", "joulemap"))
    parser.add_argument("--dvc", default=os.path.join(ROOT, ".cache", "dvc", "bin", "dvc"))
    parser.add_argument("--files", type=int, default=10000)
    parser.add_argument("--megabytes", type=int, default=2000)
    parser.add_argument("--small", type=int, default=10000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--folder", help="where to work (default: a temporary folder)")
    return parser.parse_args()


def tree(folder, n, size):
    """n files of size bytes, all different, a hundred a folder."""
    block = random.Random(7).randbytes(size)
    for i in range(n):
        if i % 100 == 0:
            os.makedirs(os.path.join(folder, f"{i // 100:03}"))
        with open(os.path.join(folder, f"{i // 100:03}", f"{i:06}.bin"), "wb") as file:
            file.write(i.to_bytes(8, "little"))
            file.write(block[8:])


def run(command, cwd, env):
    """Gives (seconds, largest resident set in MiB, seconds of processor)."""
    start = time.monotonic()
    process = subprocess.Popen(command, cwd=cwd, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    error = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"{' '.join(command)} failed: {error.decode()}")
    return time.monotonic() - start, usage.ru_maxrss / 1024, usage.ru_utime + usage.ru_stime


class Bench:
    def __init__(self, options, folder):
        self.options, self.folder, self.n_repositories = options, folder, 0
        self.env = {**os.environ, "DVC_NO_ANALYTICS": "1", "HOME": folder, "XDG_CONFIG_HOME": folder,
                    "GIT_CONFIG_NOSYSTEM": "1"}
        self.programs = {"joulemap": [options.program, "data"], "dvc": [options.dvc]}

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def repository(self):
        self.n_repositories += 1
        name = f"repository{self.n_repositories}"
        self.env["DVC_SITE_CACHE_DIR"] = self.path("site", name)  # dvc's memory of hashes
        os.makedirs(self.path(name))
        subprocess.run(["git", "init", "-q", "."], cwd=self.path(name), env=self.env, check=True)
        subprocess.run([*self.programs["joulemap"], "init"], cwd=self.path(name), env=self.env, check=True)
        return self.path(name)

    def add(self, program):
        repository = self.repository()
        subprocess.run(["cp", "-r", self.path("large"), os.path.join(repository, "data")], check=True)
        os.sync()
        return run([*self.programs[program], "add", "-q", "data"], repository, self.env)

    def push_and_pull(self, program, url):
        repository = self.repository()
        url = f"{url}{self.n_repositories}"
        subprocess.run(["cp", "-r", self.path("small"), os.path.join(repository, "data")], check=True)
        joulemap = self.programs["joulemap"]
        for words in (["add", "-q", "data"], ["remote", "add", "-d", "web", url], ["remote", "modify", "web", "method", "PUT"]):
            subprocess.run([*joulemap, *words], cwd=repository, env=self.env, check=True)
        push = run([*self.programs[program], "push", "-q"], repository, self.env)
        os.rename(os.path.join(repository, ".dvc", "cache"), self.path(f"cache{self.n_repositories}"))
        os.rename(os.path.join(repository, "data"), self.path(f"data{self.n_repositories}"))
        self.env["DVC_SITE_CACHE_DIR"] += "_pull"
        pull = run([*self.programs[program], "pull", "-q"], repository, self.env)
        subprocess.run(["diff", "-r", self.path("small"), os.path.join(repository, "data")], check=True)
        return push, pull

    def nginx(self):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        user = "user root; " if os.getuid() == 0 else ""
        with open(self.path("nginx.conf"), "w", encoding="utf-8") as file:
            file.write(f"daemon off; master_process off; {user}pid {self.path('pid')}; error_log {self.path('log')};\n"
                       "events { worker_connections 512; }\nhttp { access_log off; keepalive_requests 100000;\n"
                       + "".join(f"{kind}_temp_path {self.path('temp', kind)};\n"
                                 for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
                       + f"server {{ listen 127.0.0.1:{port}; root {self.path('files')}; client_max_body_size 0;\n"
                       "location / { dav_methods PUT DELETE; create_full_put_path on; } } }\n")
        os.makedirs(self.path("temp"))
        os.makedirs(self.path("files"))
        return subprocess.Popen(["nginx", "-e", self.path("log"), "-c", self.path("nginx.conf")]), f"http://127.0.0.1:{port}/r"


def summary(rows):
    """rows: program -> [(seconds, MiB, seconds of processor)]."""
    result = {name: {"seconds": round(statistics.median(s for s, _, _ in row), 3), "all_seconds": [round(s, 3) for s, _, _ in row],
                     "processor_seconds": round(statistics.median(p for _, _, p in row), 3),
                     "memory_mib": round(max(m for _, m, _ in row), 1)} for name, row in rows.items()}
    result["times_as_fast"] = round(result["dvc"]["seconds"] / result["joulemap"]["seconds"], 2)
    return result


def main():
    options = arguments()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        bench = Bench(options, folder)
        tree(bench.path("large"), options.files, options.megabytes * 1000000 // max(options.files, 1))
        tree(bench.path("small"), options.small, 100)
        kinds = ("add",) * (options.files > 0) + ("push", "pull") * (options.small > 0)
        rows = {kind: {name: [] for name in bench.programs} for kind in kinds}
        server, url = bench.nginx()
        try:
            for _ in range(options.repeats):
                for name in bench.programs:
                    if options.files:
                        rows["add"][name].append(bench.add(name))
                    if options.small:
                        push, pull = bench.push_and_pull(name, url)
                        rows["push"][name].append(push)
                        rows["pull"][name].append(pull)
        finally:
            server.terminate()
            server.wait()
        version = subprocess.run([options.dvc, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    print(json.dumps({"dvc": version, "cpus": os.cpu_count(), "files": options.files, "megabytes": options.megabytes,
                      "small_objects": options.small, "repeats": options.repeats,
                      **{kind: summary(row) for kind, row in rows.items()}}, indent=2))


if __name__ == "__main__":
    main()
