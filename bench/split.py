#!/usr/bin/env python3
"""How energy is split over processes, as JSON: two loads, one of which takes twice the processor time of the other (by their own
clocks), beside a sensor of known power, recorded and reported as a user would.

usage: bench/split.py [--joulemap PROGRAM] [--seconds S] [--rounds N]
S: processor time of the larger load. ratio_error: of their energies, against the ratio of their own clocks. sum_error: what
processes + other processes + idle + unattributed miss of the measured energy, as a fraction."""
import argparse
import json
import os
import subprocess
import sys
import tempfile

POWER_W = 50
# Both begin together and take turns of 10 ms with sleep, so that neither runs alone for long.
LOAD = """
import sys, time
seconds = float(sys.argv[1])
while time.process_time() < seconds:
    until = time.process_time() + 0.01
    while time.process_time() < until: pass
    time.sleep(0.005)
print(time.process_time(), flush=True)
"""
BOTH = """
import subprocess, sys
loads = [subprocess.Popen([sys.executable, sys.argv[1], s], stdout=subprocess.PIPE, text=True) for s in sys.argv[2:]]
print(*[load.communicate()[0].strip() for load in loads])
"""


def run(program, folder, seconds):
    recording = os.path.join(folder, "r.jmap")
    command = [program, "record", "-q", "-f", "-i", "20ms", "-s", "replay:" + os.path.join(folder, "script"), "-o", recording, "--",
               sys.executable, os.path.join(folder, "both.py"), os.path.join(folder, "load.py"), str(seconds), str(seconds / 2)]
    own = [float(t) for t in subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout.split()]
    report = json.loads(subprocess.run([program, "report", recording, "--format", "json"], stdout=subprocess.PIPE, check=True).stdout)
    rows = [p for p in report["processes"] if p["command"] and "load.py" in p["command"] and "both.py" not in p["command"]]
    large, small = sorted(rows, key=lambda p: -p["cpu_s"])[:2]
    closure = report["process_closure"][0]
    parts = closure["parts_j"] + closure["idle_j"] + closure["unattributed_j"]
    return {"own_cpu_s": own, "cpu_s": [large["cpu_s"], small["cpu_s"]], "energy_j": [large["energy_j"], small["energy_j"]],
            "ratio_error": round(large["energy_j"] / small["energy_j"] / (own[0] / own[1]) - 1, 5),
            "sum_error": abs(closure["total_j"] - parts) / closure["total_j"],
            "sum_of_shares": sum(p["share"] for p in report["processes"] if p["channel"] == closure["channel"])}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--joulemap", default=os.path.join(os.path.dirname(__file__), "..", "build", "joulemap"))
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    a = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for name, text in (("load.py", LOAD), ("both.py", BOTH), ("script",
                           f"channel c energy counter domain=package step=0.001 interpolate=yes\n0 c 0\n1000s c {1000 * POWER_W}\n1000s end\n")):
            with open(os.path.join(folder, name), "w", encoding="utf-8") as f:
                f.write(text)
        rounds = [run(a.joulemap, folder, a.seconds) for _ in range(a.rounds)]
    print(json.dumps({"power_w": POWER_W, "ratio_error_worst": max(abs(r["ratio_error"]) for r in rounds),
                      "sum_error_worst": max(r["sum_error"] for r in rounds),
                      "sum_of_shares_most": max(r["sum_of_shares"] for r in rounds), "rounds": rounds}, indent=1))


if __name__ == "__main__":
    main()
