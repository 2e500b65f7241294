#!/usr/bin/env python3
"""Energy of FP32, FP16, BF16 and INT8 feed-forward layers of a transformer, in PyTorch, against each other.

usage: precisions.py [--seconds 5] [--rounds 5] [--tokens 4096] [--dim 4096] [--layers 4] [--out FOLDER] [--small]

INT8 is torch._int_mm, the integer matrix product: activations quantised row by row as they come, weights by output channel, sums of 32
bits. "int8-simulated" rounds weights to integers and computes in FP32, as a guide is not to be taken for: joulemap gives it no verdict on
energy. The score is the relative error of the output against FP32. Every round runs all of them in random order, each after a rest;
one recording a trial is kept in the folder, and `joulemap compare FOLDER --against fp32 --layers` explains them again. Prints JSON.

On a processor, or with --small, it runs as a test of itself: sensors may be estimates, and where PyTorch has no _int_mm an integer product
of its own stands in, which is said."""

import argparse
import json
import os
import random
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), "python"))

import torch  # noqa: E402

import joulemap  # noqa: E402
from joulemap import Span, span_kind  # noqa: E402

PROFILED_CALLS = 5


def quantise(x, dim):
    scale = (x.abs().amax(dim, keepdim=True) / 127).clamp_min(1e-12)
    return torch.clamp(torch.round(x / scale), -128, 127).to(torch.int8), scale


def integer_product(a, b):
    if hasattr(torch, "_int_mm"):
        return torch._int_mm(a, b)
    return (a.to(torch.int32) @ b.to(torch.int32)) if a.device.type == "cpu" else None


class Layer:
    """One linear layer of a precision: called with [tokens, in], gives [tokens, out]."""

    def __init__(self, weight, precision):
        self.precision = precision
        self.dtype = {"fp16": torch.float16, "bf16": torch.bfloat16}.get(precision, torch.float32)
        if precision == "int8":
            weight, scale = quantise(weight, 1)
            self.weight, self.scale = weight.t(), scale.t()
        elif precision == "int8-simulated":
            integers, scale = quantise(weight, 1)
            self.weight = (integers.float() * scale).t()
        else:
            self.weight = weight.to(self.dtype).t()

    def __call__(self, x):
        if self.precision == "int8":
            integers, scale = quantise(x, 1)
            return integer_product(integers, self.weight).float() * (scale * self.scale)
        return x.to(self.dtype) @ self.weight

    @property
    def n_bytes(self):
        return self.weight.numel() * self.weight.element_size()

    @property
    def kind(self):
        if self.precision == "int8":
            return "_int_mm" if hasattr(torch, "_int_mm") else "_int_mm stand-in"
        return "mm"


class Network:
    def __init__(self, weights, precision):
        self.precision = precision
        self.layers = [Layer(w, precision) for w in weights]

    def __call__(self, x, mark=None):
        for i, layer in enumerate(self.layers):
            start = mark() if mark else 0
            x = layer(x)
            x = torch.relu(x) if i % 2 == 0 else x
            if mark:
                mark(i, start)
        return x


def synchronise(device):
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def call(network, x, device):
    start = time.monotonic_ns()
    network(x)
    synchronise(device)
    return start, time.monotonic_ns()


def settle(network, x, device, limit_s):
    """As joulemap bench: until the medians of three blocks of nine calls lie within 5 %."""
    until, medians = time.monotonic() + limit_s, []
    while not medians or time.monotonic() < until:
        block = sorted(b - a for a, b in (call(network, x, device) for _ in range(9)))
        medians.append(block[4])
        if len(medians) >= 3 and max(medians[-3:]) <= 1.05 * min(medians[-3:]):
            break
    return medians[-1] / 1e9


def profiled(recording, network, x, device, first):
    """Some calls with a clock around each layer, which only tell the layers apart."""
    names = [recording.name_id(f"ffn.{i // 2}.lin{i % 2 + 1}", layer.kind) for i, layer in enumerate(network.layers)]
    spans = []

    def mark(i=None, start=0):
        synchronise(device)
        now = time.monotonic_ns()
        if i is not None:
            spans.append(Span(start, now, names[i], span_kind.LAYER, iteration, span_kind.PROFILED))
        return now

    iteration_name, phase = recording.name_id("iteration"), recording.name_id("profiled")
    begin = time.monotonic_ns()
    for iteration in range(first, first + PROFILED_CALLS):
        start = time.monotonic_ns()
        network(x, mark)
        synchronise(device)
        spans.append(
            Span(start, time.monotonic_ns(), iteration_name, span_kind.ITERATION, iteration, span_kind.PROFILED)
        )
    spans.append(Span(begin, time.monotonic_ns(), phase, span_kind.PHASE, None, span_kind.PROFILED))
    recording.add(spans)


def trial(args, network, x, reference, device, path, round_number, position, bench):
    each_s = settle(network, x, device, args.settle)
    n = max(10, int(args.seconds / each_s))
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    with joulemap.Recording(path, args.sensors, overwrite=True, require_sensor=False) as recording:
        iteration, measured = recording.name_id("iteration"), recording.name_id("measured")
        begin = time.monotonic_ns()
        calls = [call(network, x, device) for _ in range(n)]
        end = time.monotonic_ns()
        recording.add([Span(a, b, iteration, span_kind.ITERATION, i) for i, (a, b) in enumerate(calls)])
        recording.add([Span(begin, end, measured, span_kind.PHASE)])
        if device.type == "cuda":
            recording.meta("peak_memory_bytes", torch.cuda.max_memory_allocated(device))
        profiled(recording, network, x, device, n)
        error = float((network(x).float() - reference).norm() / reference.norm())
        for key, value in {
            "model": "feed-forward",
            "variant": network.precision,
            "precision": "fp32" if network.precision == "int8-simulated" else network.precision,
            "quantization": {"int8": "integers", "int8-simulated": "simulated"}.get(network.precision, "none"),
            "provider": f"pytorch {torch.__version__} {device.type}",
            "batch": args.tokens,
            "items_per_iteration": args.tokens,
            "weight_bytes": sum(layer.n_bytes for layer in network.layers),
            "parameters": sum(layer.weight.numel() for layer in network.layers),
            "score_name": "relative error",
            "score": error,
            "score_n": args.tokens,
            "score_data": f"seed 0, {args.tokens} x {args.dim}",
            "bench": bench,
            "round": round_number,
            "position": position,
        }.items():
            recording.meta(key, value)


def make(args, device):
    generator = torch.Generator().manual_seed(0)
    sizes = [(4 * args.dim, args.dim), (args.dim, 4 * args.dim)] * args.layers
    weights = [(torch.randn(size, generator=generator) / size[1] ** 0.5).to(device) for size in sizes]
    x = torch.randn((args.tokens, args.dim), generator=generator).to(device)
    return weights, x


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--tokens", type=int, default=4096)
    parser.add_argument("--dim", type=int, default=4096)
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--rest", type=float, default=3)
    parser.add_argument("--settle", type=float, default=10, help="longest warm-up of a trial, seconds")
    parser.add_argument("--out")
    parser.add_argument("--sensors")
    parser.add_argument("--small", action="store_true")
    args = parser.parse_args()
    if args.small:
        args.seconds, args.rounds, args.tokens, args.dim, args.layers, args.rest, args.settle = 0.2, 2, 32, 64, 1, 0, 0.1
    device = torch.device("cuda" if torch.cuda.is_available() and not args.small else "cpu")
    torch.backends.cuda.matmul.allow_tf32 = False
    # What a processor of this PyTorch does not compute is left out, and said.
    precisions, left_out = [], []
    weights, x = make(args, device)
    reference = Network(weights, "fp32")(x)
    for precision in ("fp32", "fp16", "bf16", "int8", "int8-simulated"):
        try:
            Network(weights, precision)(x)
            precisions.append(precision)
        except (RuntimeError, AttributeError) as error:
            left_out.append({"precision": precision, "reason": str(error).split("\n")[0]})
    folder = args.out or tempfile.mkdtemp(prefix="joulemap-precisions-")
    os.makedirs(folder, exist_ok=True)
    order, bench = random.Random(0), str(time.monotonic_ns())
    for round_number in range(1, args.rounds + 1):
        order.shuffle(precisions)
        for position, precision in enumerate(precisions, 1):
            network = Network(weights, precision)
            time.sleep(args.rest)
            path = os.path.join(folder, f"{precision}-{round_number:03d}.jmap")
            with torch.inference_mode():
                trial(args, network, x, reference, device, path, round_number, position, bench)
            del network
    result = joulemap.compare([folder], first="fp32", layers=True)
    print(result, file=sys.stderr)
    print(
        json.dumps(
            {
                "benchmark": "precisions",
                "device": torch.cuda.get_device_name(device) if device.type == "cuda" else "processor",
                "torch": torch.__version__,
                "int8": "torch._int_mm" if hasattr(torch, "_int_mm") else "stand-in, no figure of integer hardware",
                "folder": folder,
                "left_out": left_out,
                "notes": result.notes,
                "verdicts": result.verdicts,
                "variants": [
                    {
                        "name": v.name,
                        "state": v.state,
                        "integers_simulated": v.integers_simulated,
                        "figures": {k: f._asdict() for k, f in v.figures.items()},
                    }
                    for v in result.variants
                ],
            },
            indent=1,
        )
    )


if __name__ == "__main__":
    main()
