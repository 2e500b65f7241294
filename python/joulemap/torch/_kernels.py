"""What each module really ran on the device: kernels by PyTorch's own profiler.

CUDA events around a module enclose the waits between its launches, too; where the host cannot keep the device busy
(small batches, half precision) that is most of the time. So a few iterations run under the profiler, with a range
around every module; a kernel belongs to the innermost range that its launch lies in, whenever the device ran it."""

from __future__ import annotations

import json
import os
import tempfile
import warnings
from bisect import bisect_right
from dataclasses import dataclass
from typing import Any, Dict, List, Optional, Sequence, Tuple

import torch

from joulemap.torch._hooks import Hooks
from joulemap.torch._run import Runner

PREFIX = "joulemap/"
OUTSIDE = -1
WAITING = -2

# (unit or OUTSIDE, start us, end us): a kernel, copy or fill on the device
Kernel = Tuple[int, float, float]


@dataclass
class Traced:
    """One iteration: its kernels in order of start, on the profiler's clock."""

    kernels: List[Kernel]

    def busy_us(self) -> float:
        """Time in which at least one ran."""
        busy, until = 0.0, float("-inf")
        for _, a, b in self.kernels:
            busy += max(0.0, b - max(a, until))
            until = max(until, b)
        return busy


def is_available() -> bool:
    try:
        from torch.profiler import ProfilerActivity, supported_activities
    except ImportError:
        return False
    return ProfilerActivity.CUDA in supported_activities()


def _ranged_hooks(runner: Runner, chosen: Sequence[int]) -> Tuple[Hooks, List[Any]]:
    """Hooks whose marks open and close profiler ranges."""
    open_ranges: List[Any] = []
    hooks = Hooks(runner.units, (), lambda: None)

    def before(name: str) -> Any:
        def hook(_module: Any, _args: Any) -> None:
            entered = torch.profiler.record_function(name)
            entered.__enter__()
            open_ranges.append(entered)

        return hook

    def after(_module: Any, _args: Any, _output: Any) -> None:
        if open_ranges:
            open_ranges.pop().__exit__(None, None, None)

    for i in chosen:
        module = runner.units[i].module
        try:
            hooks._handles.append(module.register_forward_pre_hook(before(f"{PREFIX}{i}")))
            hooks._handles.append(module.register_forward_hook(after))
        except (RuntimeError, AttributeError):
            hooks.failed.append(i)
    return hooks, open_ranges


def trace(runner: Runner, chosen: Sequence[int], n: int) -> List[Traced]:
    """Runs n iterations under the profiler. Raises RuntimeError where another profiler is at work."""
    from torch.profiler import ProfilerActivity, profile

    hooks, open_ranges = _ranged_hooks(runner, chosen)
    try:
        with warnings.catch_warnings(), profile(activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA]) as prof:
            warnings.simplefilter("ignore")  # it warns of cycles, of which there is one
            for k in range(n):
                with torch.profiler.record_function(f"{PREFIX}iteration/{k}"):
                    runner.once()
                # Else the launches of the next would overlap with the kernels of this one.
                runner.synchronize()
    finally:
        while open_ranges:
            open_ranges.pop().__exit__(None, None, None)
        hooks.remove()
    folder = tempfile.mkdtemp(prefix="joulemap-trace-")
    path = os.path.join(folder, "trace.json")
    try:
        prof.export_chrome_trace(path)
        with open(path, encoding="utf-8", errors="replace") as f:
            return parse(json.load(f), n)
    finally:
        if os.path.exists(path):
            os.remove(path)
        os.rmdir(folder)


class _Ranges:
    """Which of the nested ranges holds a moment of the host."""

    def __init__(self, found: List[Tuple[float, float, str]]) -> None:
        # Outer ranges before those they hold.
        self._items = sorted(found, key=lambda r: (r[0], -r[1]))
        self._starts = [r[0] for r in self._items]

    def innermost(self, t: float) -> Optional[str]:
        for i in range(bisect_right(self._starts, t) - 1, -1, -1):
            if self._items[i][1] >= t:
                return self._items[i][2]
        return None


def parse(trace_json: Dict[str, Any], n: int) -> List[Traced]:
    """Reads a Chrome trace of PyTorch's profiler: kernels by the iteration and module whose launch they are."""
    modules: List[Tuple[float, float, str]] = []
    iterations: List[Tuple[float, float, str]] = []
    launches: Dict[int, float] = {}
    device: List[Tuple[float, float, int]] = []
    for e in trace_json.get("traceEvents", []):
        if e.get("ph") != "X":
            continue
        name, category, start = str(e.get("name", "")), str(e.get("cat", "")).lower(), float(e["ts"])
        end = start + float(e.get("dur", 0))
        correlation = (e.get("args") or {}).get("correlation")
        if category in ("kernel", "gpu_memcpy", "gpu_memset"):
            if correlation is not None:
                device.append((start, end, int(correlation)))
        elif category in ("cuda_runtime", "cuda_driver"):
            if correlation is not None:
                launches[int(correlation)] = start
        elif name.startswith(PREFIX + "iteration/") and "gpu" not in category:
            iterations.append((start, end, name[len(PREFIX + "iteration/") :]))
        elif name.startswith(PREFIX) and "gpu" not in category:
            modules.append((start, end, name[len(PREFIX) :]))
    by_module, by_iteration = _Ranges(modules), _Ranges(iterations)
    traced = [Traced([]) for _ in range(n)]
    for start, end, correlation in sorted(device):
        launched = launches.get(correlation)
        k = by_iteration.innermost(launched) if launched is not None else None
        if launched is None or k is None:
            continue
        unit = by_module.innermost(launched)
        traced[int(k)].kernels.append((int(unit) if unit is not None else OUTSIDE, start, end))
    return [t for t in traced if t.kernels]


def laid_out(traced: Traced, latency_us: float) -> List[Kernel]:
    """Brings an iteration to the latency that it has without the profiler: kernels keep their durations, waits
    between them are shortened or lengthened alike. Gives kernels with times from the start of the iteration, none
    overlapping."""
    kernels: List[Kernel] = []
    waits: List[float] = []
    until = traced.kernels[0][1]
    for unit, a, b in traced.kernels:
        a = max(a, until)
        waits.append(a - until)
        kernels.append((unit, a, max(a, b)))
        until = max(until, b)
    wait = sum(waits)
    left = max(0.0, latency_us - sum(b - a for _, a, b in kernels))
    scale = left / wait if wait > 0 else 0.0
    placed: List[Kernel] = []
    t = 0.0 if wait > 0 else left  # all waiting before the first, where there is none between
    for (unit, a, b), w in zip(kernels, waits):
        t += w * scale
        placed.append((unit, t, t + (b - a)))
        t += b - a
    return placed
