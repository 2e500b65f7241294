#!/usr/bin/env python3
"""Does a layer's energy predict what running it twice costs?

DistilBERT is profiled; then, for some layers, blocks of the network as it is (A) and with that layer run twice (B)
alternate as A B B A, so that heat and clocks, which drift by more than the effect, meet both alike. Energy comes from
the sensor over each block alone. The measured change must agree with the predicted one within the larger of 1 % of
the network and the interval. Prints JSON. usage: delta_test.py [--rounds 4] [--block 1.5] [--precision fp32] [--batch
32]"""

import argparse
import statistics
import time

from gpu_common import Span, gpu_channel, joulemap, machine, need_gpus, show, span_kind, torch

import distilbert_layers as example
import joulemap.torch

SETTLE_S = 0.2  # at the start of each block, not counted: the sensor still shows the one before


class Twice:
    """The module's forward runs twice; the second outcome counts."""

    def __init__(self, module):
        self.module, self.forward = module, module.forward

    def __enter__(self):
        def twice(*args, **kwargs):
            self.forward(*args, **kwargs)
            return self.forward(*args, **kwargs)

        self.module.forward = twice

    def __exit__(self, *_):
        del self.module.forward


def run_for(model, ids, seconds):
    """Runs for so long; gives start, end and iterations, by the host after the device is done."""
    torch.cuda.synchronize()
    start, n = time.monotonic_ns(), 0
    while time.monotonic_ns() - start < seconds * 1e9:
        for _ in range(8):
            model(ids)
            n += 1
        torch.cuda.synchronize()
    return start, time.monotonic_ns(), n


def measure(model, ids, module, rounds, block_s):
    """Energies of an iteration, mJ: of A and B blocks, in the order A B B A."""
    counts = {}
    with joulemap.Recording() as rec:
        time.sleep(0.5)
        for r in range(rounds):
            for k, variant in enumerate("ABBA"):
                name = f"{variant} {r}.{k}"
                if variant == "B":
                    with Twice(module):
                        run_for(model, ids, SETTLE_S)
                        start, end, n = run_for(model, ids, block_s)
                else:
                    run_for(model, ids, SETTLE_S)
                    start, end, n = run_for(model, ids, block_s)
                rec.add([Span(start, end, rec.name_id(name, variant), span_kind.LAYER)])
                counts[name] = n
    report = rec.report("integrate", baseline="none")
    channel = gpu_channel(report)
    found = {"A": [], "B": []}
    for row in report.layers:
        if row.channel == channel.name and row.energy_j is not None:
            found[row.name[0]].append(row.energy_j / counts[row.name] * 1e3)
    return found, report.warnings


def mean_and_error(values):
    return statistics.mean(values), statistics.stdev(values) / len(values) ** 0.5


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--block", type=float, default=1.5)
    parser.add_argument("--precision", default="fp32")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--layers", type=int, default=3, help="how many layers, the largest of different types")
    parser.add_argument("--seconds", type=float, default=15, help="of the profile")
    args = parser.parse_args()
    need_gpus(1)
    model, _ = example.make_model(False)
    model = model.to("cuda", example.DTYPES[args.precision])
    ids = torch.randint(0, 1000, (args.batch, 128), device="cuda")
    latency = example.rough_latency(model, ids)
    profile = joulemap.torch.profile(model, (ids,), runs=round(args.seconds / latency), isolate=True, isolate_passes=2)
    # Rests between inferences are left out of both.
    network_mj = profile.energy_per_inference_mj
    modules = dict(model.named_modules())
    chosen, seen = [], set()
    for layer in sorted(profile.layers, key=lambda x: -(x.energy_mj or 0)):
        kind = (layer.type, layer.name.split(".")[-1])
        if layer.kind == "layer" and layer.energy_mj and kind not in seen and len(chosen) < args.layers:
            chosen.append(layer)
            seen.add(kind)
    results = []
    with torch.inference_mode():
        for layer in chosen:
            found, warnings = measure(model, ids, modules[layer.name], args.rounds, args.block)
            (a, a_se), (b, b_se) = mean_and_error(found["A"]), mean_and_error(found["B"])
            interval = layer.energy_ci_mj or (layer.energy_mj, layer.energy_mj)
            half = 0.5 * (interval[1] - interval[0])
            allowed = max(0.01 * network_mj, (half**2 + (1.96**2) * (a_se**2 + b_se**2)) ** 0.5)
            results.append(
                {
                    "layer": layer.name,
                    "type": layer.type,
                    "method": layer.method,
                    "predicted_mj": layer.energy_mj,
                    "predicted_interval_mj": interval,
                    "measured_mj": b - a,
                    "measured_se_mj": (a_se**2 + b_se**2) ** 0.5,
                    "network_a_mj": a,
                    "difference_mj": layer.energy_mj - (b - a),
                    "allowed_mj": allowed,
                    "agrees": abs(layer.energy_mj - (b - a)) <= allowed,
                    "warnings": warnings,
                }
            )
    show(
        {
            "benchmark": "delta_test",
            **machine(),
            "precision": args.precision,
            "batch": args.batch,
            "network_mj": network_mj,
            "method": profile.method,
            "timing": profile.timing,
            "notes": profile.notes,
            "layers": results,
            "all_agree": all(r["agrees"] for r in results),
        }
    )


if __name__ == "__main__":
    main()
