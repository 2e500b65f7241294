"""Runs the model in blocks of iterations and hands what was marked to the recording."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, field
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

import torch

from joulemap import span_kind
from joulemap.recording import Recording, Span
from joulemap.torch._hooks import Hooks
from joulemap.torch._inputs import Call
from joulemap.torch._modules import Unit

# So long a block is, about: long for a sensor, short against the drift of clocks.
BLOCK_S = 0.4
# CUDA events that a block may take.
MARKS_MAX = 40000
# Among the short rests long ones, about so often, of such length: a sensor that shows 10 to 20 ms at once sees
# nothing but their mean of iterations and short rests; it must come down to the idle level now and then for its
# readings to differ.
LONG_REST_EVERY_S = (0.08, 0.2)
LONG_REST_S = (0.05, 0.09)
# An inference that takes so many times the usual, and so much longer, was held up from outside (the driver's lock, the
# machine): it is left out of what is measured, and counted.
STALL_TIMES = 3.0
STALL_NS = 10_000_000


@dataclass
class Block:
    """What a block of iterations gave: (start, end) of each in ns, and calls of units: (unit, start, end, iteration,
    track)."""

    start_ns: int
    end_ns: int
    iterations: List[Tuple[int, int]] = field(default_factory=list)
    calls: List[Tuple[int, int, int, int, str]] = field(default_factory=list)

    def latencies_s(self) -> List[float]:
        return [(b - a) * 1e-9 for a, b in self.iterations]


def median(values: Sequence[float]) -> float:
    ordered = sorted(values)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else 0.5 * (ordered[middle - 1] + ordered[middle])


class Runner:
    """Calls the model. rest: from a latency to the length of a random rest behind each call, in s, or None."""

    def __init__(
        self, model: Any, call: Call, units: Sequence[Unit], clock: Any, rest: Optional[Callable[[float], float]]
    ) -> None:
        self.model, self.call, self.units, self.clock, self.rest = model, call, units, clock, rest
        self.latency_s: Optional[float] = None
        self.no_hooks: List[int] = []
        self.random = random.Random(0)
        self._long_rest_ns = 0

    def once(self) -> Any:
        args, kwargs = self.call
        return self.model(*args, **kwargs)

    def synchronize(self) -> None:
        if self.clock.is_device:
            for device in self.clock.devices:
                torch.cuda.synchronize(device)

    def block(self, n: int, chosen: Sequence[int] = (), rests: bool = True) -> Block:
        """Runs n iterations, with hooks on the chosen units. Waits for the device only where it rests, and at the
        end."""
        raw: List[Tuple[Any, Any, List[Any]]] = []
        self.clock.begin()
        with Hooks(self.units, chosen, self.clock.mark) as hooks:
            self.no_hooks = hooks.failed
            start_ns = time.monotonic_ns()
            for _ in range(n):
                begin = self.clock.mark()
                self.once()
                end = self.clock.mark()
                raw.append((begin, end, hooks.take()))
                if rests and self.rest is not None and self.latency_s is not None:
                    self.clock.wait(end)
                    time.sleep(self._length_of_rest(self.rest(self.latency_s)))
            self.synchronize()
            end_ns = time.monotonic_ns()
        self.clock.end()
        return self._resolve(raw, start_ns, end_ns)

    def _length_of_rest(self, short_s: float) -> float:
        now = time.monotonic_ns()
        if not self.clock.is_device or now < self._long_rest_ns:
            return short_s
        long_s = self.random.uniform(*LONG_REST_S)
        self._long_rest_ns = now + round((long_s + self.random.uniform(*LONG_REST_EVERY_S)) * 1e9)
        return long_s

    def _resolve(self, raw: List[Tuple[Any, Any, List[Any]]], start_ns: int, end_ns: int) -> Block:
        block, ns, track = Block(start_ns, end_ns), self.clock.ns, self.clock.track
        for k, (begin, end, calls) in enumerate(raw):
            a = ns(begin)
            block.iterations.append((a, max(ns(end), a)))
            for i, first, last in calls:
                s = ns(first)
                block.calls.append((i, s, max(ns(last), s), k, track(first)))
        self.clock.recycle()
        if block.iterations:
            # The device's clock is tied to the host's within some us; the block must hold what ran in it.
            block.start_ns = min(block.start_ns, block.iterations[0][0])
            block.end_ns = max(block.end_ns, block.iterations[-1][1])
            self.latency_s = median(block.latencies_s())
        return block

    def n_for_block(self, marks_per_iteration: int) -> int:
        n = round(BLOCK_S / self.latency_s) if self.latency_s else 1
        return max(1, min(n, MARKS_MAX // max(marks_per_iteration, 1)))


class Writer:
    """Blocks into a recording."""

    def __init__(self, recording: Recording, units: Sequence[Unit]) -> None:
        self.recording = recording
        self.names: Dict[int, int] = {i: recording.name_id(u.label, u.type) for i, u in enumerate(units)}
        self.call_name = recording.name_id("inference")
        self.n_iterations = 0
        self.stalled_ms: List[float] = []

    def phase(self, name: str, start_ns: int, end_ns: int) -> None:
        self.recording.add([Span(start_ns, end_ns, self.recording.name_id(name), span_kind.PHASE)])

    def block(self, block: Block, phase: str, flags: int = 0) -> None:
        for start, end in self._unstalled(block):
            self.phase(phase, start, end)
        first = self.n_iterations
        self.n_iterations += len(block.iterations)
        self.recording.add(
            Span(a, b, self.call_name, span_kind.ITERATION, first + k, flags)
            for k, (a, b) in enumerate(block.iterations)
        )
        tracks: Dict[str, List[Span]] = {}
        for i, a, b, k, track in block.calls:
            tracks.setdefault(track, []).append(Span(a, b, self.names[i], span_kind.LAYER, first + k, flags))
        for track, spans in tracks.items():
            self.recording.add(spans, track)

    def _unstalled(self, block: Block) -> List[Tuple[int, int]]:
        """The block, without inferences that were held up."""
        usual_ns = median(block.latencies_s()) * 1e9 if block.iterations else 0.0
        stretches, start = [], block.start_ns
        for a, b in block.iterations:
            if b - a > STALL_TIMES * usual_ns and b - a > usual_ns + STALL_NS:
                self.stalled_ms.append((b - a) * 1e-6)
                stretches.append((start, a))
                start = b
        return [(a, b) for a, b in stretches + [(start, block.end_ns)] if b > a]

    def rest(self, seconds: float) -> None:
        """A quiet stretch, which gives the idle level."""
        if seconds > 0:
            start = time.monotonic_ns()
            time.sleep(seconds)
            self.phase("idle", start, time.monotonic_ns())
