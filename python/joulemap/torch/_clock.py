"""Marks on the time line of the host or of a CUDA device, brought to CLOCK_MONOTONIC.

The clock of a device's events runs some 0.7 ppm off the host's (110 to 135 us in 3 minutes on an H200), and the
distance of two events is a 32-bit float of milliseconds. So every block of iterations is tied to the host at its
start and at its end, and times between are interpolated."""

from __future__ import annotations

import time
from typing import Any, Dict, List, NamedTuple, Optional

import torch

ANCHOR_TRIES = 16
# A device clock further off than this is none; then the anchor at the start counts alone.
SCALE_MAX_OFF = 1e-3


class HostClock:
    """time.monotonic_ns is CLOCK_MONOTONIC, the clock of the recording."""

    is_device = False

    def mark(self) -> Any:
        return time.monotonic_ns()

    def begin(self) -> None:
        pass

    def end(self) -> None:
        pass

    def ns(self, mark: Any) -> int:
        return int(mark)

    def wait(self, mark: Any) -> None:
        pass

    def track(self, mark: Any) -> str:
        return "host"

    def recycle(self) -> None:
        pass


class _Anchor(NamedTuple):
    event: Any
    host_ns: int
    half_width_ns: int


class _DeviceMark(NamedTuple):
    event: Any
    device: int


class CudaClock:
    """Marks are CUDA events on the current stream, taken from a pool. begin and end tie the device clock to the
    host's; ns may be asked after end only."""

    is_device = True

    def __init__(self, devices: List[int]) -> None:
        self.devices = devices
        self._one: Optional[int] = devices[0] if len(devices) == 1 else None
        self._free: Dict[int, List[Any]] = {device: [] for device in devices}
        self._used: List[_DeviceMark] = []
        self._first: Dict[int, _Anchor] = {}
        self._scale: Dict[int, float] = {}
        self.half_width_ns = 0  # the widest anchor so far

    def mark(self) -> Any:
        device = self._one if self._one is not None else torch.cuda.current_device()
        try:
            event = self._free[device].pop()
        except IndexError:
            event = torch.cuda.Event(enable_timing=True)
        event.record()
        mark = _DeviceMark(event, device)
        self._used.append(mark)
        return mark

    def _anchor(self, device: int) -> _Anchor:
        """The event whose recording and awaiting took least time lies within that time, on the host's clock."""
        best: Optional[_Anchor] = None
        with torch.cuda.device(device):
            torch.cuda.synchronize()
            for _ in range(ANCHOR_TRIES):
                event = torch.cuda.Event(enable_timing=True)
                before = time.monotonic_ns()
                event.record()
                event.synchronize()
                after = time.monotonic_ns()
                if best is None or after - before < 2 * best.half_width_ns:
                    best = _Anchor(event, (before + after) // 2, (after - before + 1) // 2)
        assert best is not None
        return best

    def begin(self) -> None:
        for device in self.devices:
            self._first[device] = self._anchor(device)
            self._scale[device] = 1.0

    def end(self) -> None:
        for device in self.devices:
            first, last = self._first[device], self._anchor(device)
            device_ns = first.event.elapsed_time(last.event) * 1e6
            if device_ns > 0:
                scale = (last.host_ns - first.host_ns) / device_ns
                self._scale[device] = scale if abs(scale - 1) < SCALE_MAX_OFF else 1.0
            self.half_width_ns = max(self.half_width_ns, first.half_width_ns, last.half_width_ns)

    def ns(self, mark: Any) -> int:
        first = self._first[mark.device]
        return first.host_ns + int(first.event.elapsed_time(mark.event) * 1e6 * self._scale[mark.device])

    def wait(self, mark: Any) -> None:
        mark.event.synchronize()

    def track(self, mark: Any) -> str:
        return f"cuda:{mark.device}"

    def recycle(self) -> None:
        """All marks so far are done with."""
        for mark in self._used:
            self._free[mark.device].append(mark.event)
        self._used.clear()


def clock_for(devices: List[int]) -> Any:
    """devices: CUDA devices in use; none: the host's clock."""
    return CudaClock(devices) if devices else HostClock()
