"""What can be measured here, and what would mend what cannot."""

from __future__ import annotations

import ctypes as c
from dataclasses import dataclass, field
from typing import Iterator, List, Optional

from joulemap import _abi, _table
from joulemap._library import decode, encode, library


@dataclass(frozen=True)
class ChannelInfo:
    """One quantity of a sensor. Times in s; None is unknown. state: "measured", "estimated" or "unavailable"."""

    name: str
    label: str
    driver: str
    quantity: str
    unit: str
    kind: str
    state: str
    domain: str
    part_of: Optional[str]
    same_as: Optional[str]
    update_period_s: Optional[float]
    window_s: Optional[float]
    lowpass_s: Optional[float]
    lag_s: Optional[float]
    accuracy_fraction: Optional[float]
    is_default: bool
    reason: str
    remedy: str


@dataclass(frozen=True)
class DriverInfo:
    """A kind of sensor: how many channels its probing found, or why none."""

    name: str
    summary: str
    n_channels: int
    reason: str
    remedy: str


@dataclass(frozen=True)
class Sensors:
    """What probing the machine gave. Iterating gives the channels."""

    drivers: List[DriverInfo] = field(default_factory=list)
    channels: List[ChannelInfo] = field(default_factory=list)

    def __iter__(self) -> Iterator[ChannelInfo]:
        return iter(self.channels)

    def __len__(self) -> int:
        return len(self.channels)

    def _cells(self) -> List[List[str]]:
        return [
            [
                s.name,
                s.label,
                s.quantity,
                s.kind,
                s.state + ("" if s.is_default else " (not used by default)"),
                s.reason,
            ]
            for s in self.channels
        ]

    def __str__(self) -> str:
        header = ["channel", "label", "quantity", "kind", "state", "reason"]
        lines = [_table.text(header, self._cells())]
        for driver in self.drivers:
            if driver.n_channels == 0 and driver.reason:
                lines.append(f"{driver.name}: {driver.reason}" + (f"; try: {driver.remedy}" if driver.remedy else ""))
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        return _table.html(["channel", "label", "quantity", "kind", "state", "reason"], self._cells())


def _seconds(ns: int) -> Optional[float]:
    return ns * 1e-9 if ns else None


def _channel(i: _abi.ChannelInfo) -> ChannelInfo:
    return ChannelInfo(
        name=decode(i.name),
        label=decode(i.label),
        driver=decode(i.driver),
        quantity=decode(i.quantity),
        unit=decode(i.unit),
        kind=decode(i.kind),
        state=decode(i.state),
        domain=decode(i.domain),
        part_of=decode(i.part_of) or None,
        same_as=decode(i.same_as) or None,
        update_period_s=_seconds(i.update_period_ns),
        window_s=_seconds(i.window_ns),
        lowpass_s=_seconds(i.lowpass_ns),
        lag_s=_seconds(i.lag_ns),
        accuracy_fraction=i.accuracy_fraction if i.accuracy_fraction >= 0 else None,
        is_default=bool(i.is_default),
        reason=decode(i.reason),
        remedy=decode(i.remedy),
    )


def sensors(choice: Optional[str] = None) -> Sensors:
    """Probes the machine. choice: as in `joulemap sensors`: "driver", "driver:argument", "nvml/gpu0", separated by
    commas; None: every driver that needs no argument. Opens nothing. Raises NotFoundError for an unknown name."""
    lib = library()
    handle = c.c_void_p()
    lib.call(lib.jm_sensors_probe, encode(choice), c.byref(handle))
    try:
        drivers = []
        for i in range(lib.jm_sensors_n_drivers(handle)):
            driver = _abi.DriverInfo()
            lib.jm_sensors_driver(handle, i, c.byref(driver))
            drivers.append(
                DriverInfo(
                    decode(driver.name),
                    decode(driver.summary),
                    int(driver.n_channels),
                    decode(driver.reason),
                    decode(driver.remedy),
                )
            )
        channels = []
        for i in range(lib.jm_sensors_n_channels(handle)):
            info = _abi.ChannelInfo()
            lib.jm_sensors_channel(handle, i, c.byref(info))
            channels.append(_channel(info))
        return Sensors(drivers, channels)
    finally:
        lib.jm_sensors_destroy(handle)
