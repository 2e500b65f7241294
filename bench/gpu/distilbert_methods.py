#!/usr/bin/env python3
"""Layers of DistilBERT by time share, regression, isolation and their fusion, side by side, on the same run: FP32
with batch 32, and BF16 with batch 1, which is bound by launches. Prints JSON. usage: distilbert_methods.py [--seconds
20] [--passes 3] [--case fp32:32,bf16:1]"""

import argparse
import os
import tempfile

from gpu_common import gpu_channel, joulemap, machine, need_gpus, show, torch

import distilbert_layers as example
import joulemap.torch

METHODS = ("share", "regress", "isolate", "fused")


def case(precision, batch, seconds, passes, keep):
    model, origin = example.make_model(False)
    model = model.to("cuda", example.DTYPES[precision])
    ids = torch.randint(0, 1000, (batch, 128), device="cuda")
    with torch.inference_mode():
        for _ in range(5):
            model(ids)
        latency = example.rough_latency(model, ids)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(keep or folder, f"{precision}-{batch}.jmap")
        profile = joulemap.torch.profile(
            model, (ids,), runs=round(seconds / latency), isolate=True, isolate_passes=passes, path=path, idle=2
        )
        reports = {m: joulemap.open_report(path, m) for m in METHODS}
    channel = profile.channel
    total = gpu_channel(profile.report).energy_j
    n = profile.report.run["iterations"]
    layers = {}
    for method, report in reports.items():
        for row in report.layers:
            if row.channel != channel:
                continue
            per = 1e3 / n
            entry = layers.setdefault(row.name, {"type": row.type, "ms": row.time_s * per})
            entry[method] = {
                "mj": row.energy_j * per if row.energy_j is not None else None,
                "interval_mj": [x * per for x in row.energy_ci_j] if row.energy_ci_j else None,
                "w": row.mean_power_w,
                "method": row.method,
                "resolvable": row.resolvable,
            }
    sums = {}
    for method, report in reports.items():
        closure = next(c for c in report.closure if c.channel == channel)
        sums[method] = {
            "method": report.method,
            "method_reason": report.method_reason,
            "parts_j": closure.parts_j,
            "idle_j": closure.idle_j,
            "unattributed_j": closure.unattributed_j,
            "residual_j": closure.residual_j,
            "residual_of_total": closure.residual_j / total if closure.residual_j is not None else None,
            "warnings": report.warnings,
        }
    ordered = sorted(layers.items(), key=lambda x: -x[1]["ms"])
    return {
        "precision": precision,
        "batch": batch,
        "model": origin,
        "latency_ms": profile.latency_ms,
        "hooked_latency_ms": profile.hooked_latency_ms,
        "timing": profile.timing,
        "energy_per_inference_mj": profile.energy_per_inference_mj,
        "total_j": total,
        "iterations": n,
        "auto": profile.method,
        "notes": profile.notes,
        "sums": sums,
        "layers": dict(ordered),
    }


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--passes", type=int, default=3)
    parser.add_argument("--case", default="fp32:32,bf16:1")
    parser.add_argument("--keep", help="folder to leave the recordings in; default: they are removed")
    args = parser.parse_args()
    need_gpus(1)
    cases = [c.split(":") for c in args.case.split(",")]
    show(
        {
            "benchmark": "distilbert_methods",
            **machine(),
            "cases": [case(p, int(b), args.seconds, args.passes, args.keep) for p, b in cases],
        }
    )


if __name__ == "__main__":
    main()
