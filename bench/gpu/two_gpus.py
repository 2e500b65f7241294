#!/usr/bin/env python3
"""Two GPUs in one recording, load on the first alone: are they kept apart? Prints JSON. usage: two_gpus.py [--seconds
15]"""

import argparse
import time

from gpu_common import gpu_channel, joulemap, machine, need_gpus, show, torch


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=15)
    args = parser.parse_args()
    need_gpus(2)
    a = [torch.randn(8192, 8192, device=f"cuda:{d}", dtype=torch.bfloat16) for d in range(2)]
    for x in a:
        x @ x
    torch.cuda.synchronize(0)
    torch.cuda.synchronize(1)
    time.sleep(2)
    with joulemap.Recording() as rec:
        with rec.region("quiet"):
            time.sleep(3)
        with rec.region("load on 0"):
            until = time.monotonic() + args.seconds
            while time.monotonic() < until:
                for _ in range(10):
                    a[0] @ a[0]
                torch.cuda.synchronize(0)
    report = rec.report("integrate", baseline="none")
    gpus = [gpu_channel(report, d) for d in range(2)]
    power = {
        f"gpu{d}": {r.name: r.mean_power_w for r in report.layers if r.channel == g.name} for d, g in enumerate(gpus)
    }
    show(
        {
            "benchmark": "two_gpus",
            **machine(),
            "channels": [g.name for g in gpus],
            "readings": [g.ledger.taken for g in gpus],
            "coverage": [g.ledger.coverage for g in gpus],
            "power_w": power,
            # The second one must not see the first one's load: what it draws changes by less than a twentieth of that.
            "kept_apart": abs(power["gpu1"]["load on 0"] - power["gpu1"]["quiet"])
            < 0.05 * (power["gpu0"]["load on 0"] - power["gpu0"]["quiet"]),
            "warnings": report.warnings,
        }
    )


if __name__ == "__main__":
    main()
