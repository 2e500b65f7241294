"""Recordings side by side: docs/compare.md."""

from __future__ import annotations

import ctypes as c
import json
import os
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Union

from joulemap import _abi
from joulemap._library import encode, library
from joulemap.errors import InvalidError

Path = Union[str, "os.PathLike[str]"]


class Figure(NamedTuple):
    """A figure of a variant. mean, std: over its trials, in the unit of its key. against: its ratio to the first
    variant's (of "score" the difference, of a perplexity the ratio), with 95 % interval ci; p of no difference. None is
    unknown; reason says why there is no ratio."""

    mean: Optional[float]
    std: Optional[float]
    against: Optional[float]
    ci: Optional[List[float]]
    p: Optional[float]
    basis: Optional[str]
    reason: Optional[str]


class Variant(NamedTuple):
    """Trials of one name. state: of its energy. integers_simulated: called quantised, but computed as floating point; None: not
    known. figures: by key, such as "energy_per_item_mj"."""

    name: str
    state: str
    score: Optional[str]
    integers_simulated: Optional[bool]
    figures: Dict[str, Figure]
    trials: List[Dict[str, Any]]


class Comparison(NamedTuple):
    """What compare found. str() is the table. layers: of each variant against the first, and hotspots: which of them to make first, by
    layer, type and part; both where layers were asked for. tariff: what energies come to by your own figures; None: none were given."""

    notes: List[str]
    verdicts: List[str]
    variants: List[Variant]
    layers: List[Dict[str, Any]]
    text: str
    hotspots: List[Dict[str, Any]] = []
    tariff: Optional[Dict[str, Any]] = None

    def __str__(self) -> str:
        return self.text


def _figure(raw: Dict[str, Any]) -> Figure:
    against = raw.get("ratio") or raw.get("difference") or {}
    return Figure(
        raw["mean"],
        raw["std"],
        against.get("value"),
        against.get("ci"),
        against.get("p"),
        against.get("basis"),
        against.get("reason"),
    )


def _variant(raw: Dict[str, Any]) -> Variant:
    figures = {key: _figure(value) for key, value in raw["figures"].items()}
    return Variant(raw["name"], raw["state"], raw["score"], raw["integers_simulated"], figures, raw["trials"])


def compare(
    recordings: Sequence[Path],
    *,
    layers: bool = False,
    method: Optional[str] = None,
    channels: Optional[str] = None,
    first: Optional[str] = None,
    seed: int = 0,
    carbon: Optional[str] = None,
    price: Optional[str] = None,
) -> Comparison:
    """Sets recordings side by side. recordings: "FILE", "NAME=FILE" (trials of variant NAME), or folders. first: variant that
    the others are set against. carbon: your grid's g of CO2 equivalent by kWh, "420"; price: of a kWh, "0.30EUR". Raises
    JoulemapError."""
    if isinstance(recordings, (str, os.PathLike)):
        raise InvalidError("compare takes a list of recordings", "joulemap.compare([a, b])")
    lib = library()
    options = _abi.CompareOptions(
        size=c.sizeof(_abi.CompareOptions),
        channels=encode(channels),
        method=encode(method),
        with_layers=layers,
        seed=seed,
        first=encode(first),
    )
    inputs = (c.c_char_p * len(recordings))(*[os.fsencode(r) for r in recordings])
    handle = c.c_void_p()
    lib.call(lib.jm_comparison_open, inputs, len(recordings), c.byref(options), c.byref(handle))
    try:

        def write(format: str) -> str:
            view = _abi.ViewOptions(
                size=c.sizeof(_abi.ViewOptions), format=encode(format), carbon=encode(carbon), price=encode(price)
            )
            return lib.text(lib.jm_comparison_write, handle, c.byref(view))

        raw = json.loads(write("json"))
        return Comparison(
            raw["notes"],
            raw["verdicts"],
            [_variant(v) for v in raw["variants"]],
            raw.get("layers", []),
            write("table"),
            raw.get("hotspots", []),
            raw["tariff"],
        )
    finally:
        lib.jm_comparison_destroy(handle)
