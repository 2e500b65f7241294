"""What the GPU benchmarks share: the package of this checkout, the DistilBERT of the example, readings of a
recording."""

import json
import os
import sqlite3
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path[:0] = [os.path.join(ROOT, "python"), os.path.join(ROOT, "examples")]

import torch  # noqa: E402

import joulemap  # noqa: E402
from joulemap import Span, span_kind  # noqa: E402
from joulemap.torch._clock import CudaClock  # noqa: E402


def need_gpus(n):
    if torch.cuda.device_count() < n:
        print(f"SKIP: {torch.cuda.device_count()} CUDA devices, {n} needed", file=sys.stderr)
        sys.exit(77)


def machine():
    """What a figure must be read with."""
    properties = torch.cuda.get_device_properties(0)
    facts = {"gpu": properties.name, "torch": torch.__version__, "cuda": torch.version.cuda}
    try:
        with open("/proc/driver/nvidia/version", encoding="utf-8") as f:
            facts["driver"] = f.readline().strip()
    except OSError:
        facts["driver"] = None
    return facts


def readings(path, channel):
    """(t_ns, W) of a power channel, in order of time."""
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as db:
        rows = db.execute(
            "SELECT s.t_ns, s.value * c.si_factor FROM sample AS s JOIN channel AS c ON c.id = s.channel "
            "WHERE c.name = ? AND s.value IS NOT NULL ORDER BY s.t_ns",
            (channel,),
        )
        return [(t, w) for t, w in rows]


def gpu_channel(report, device=0):
    for channel in report.channels:
        parts = channel.name.split("/")
        if channel.counts and channel.driver == "nvml" and parts[1] == f"gpu{device}":
            return channel
    raise SystemExit(f"no channel of GPU {device}: {[c.name for c in report.channels]}")


def show(result):
    print(json.dumps(result, indent=1))


__all__ = [
    "CudaClock",
    "Span",
    "gpu_channel",
    "joulemap",
    "machine",
    "need_gpus",
    "readings",
    "show",
    "span_kind",
    "torch",
]
