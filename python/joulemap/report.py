"""What a recording says: rows, channels, the sum check, and how sure it is. The fields are those of
docs/report-format.md; None is unknown, and reason beside it says why."""

from __future__ import annotations

import csv
import ctypes as c
import dataclasses
import json
import os
from dataclasses import dataclass, field
from typing import Any, Dict, Iterator, List, Optional, Tuple

from joulemap import _abi, _table
from joulemap._library import encode, library
from joulemap.errors import InvalidError, UnsupportedError

Interval = Optional[Tuple[float, float]]

VIEWS = {
    "layer": "layers",
    "type": "types",
    "group": "groups",
    "iteration": "iterations",
    "channel": "channels",
    "kernel": "layers",  # parts of CUDA programs, in place of layers
    "range": "layers",
    "stream": "layers",
}


@dataclass(frozen=True)
class Ledger:
    """What of a channel was due, and what came."""

    expected: int
    taken: int
    late: int
    missed: int
    repeated: int
    longest_gap_s: Optional[float]
    rate_hz: Optional[float]
    coverage: Optional[float]
    period_s: Optional[float]
    cpu_s: Optional[float]


@dataclass(frozen=True)
class Channel:
    """One channel over the measured window."""

    name: str
    label: Optional[str]
    driver: str
    quantity: str
    state: str
    kind: str
    domain: Optional[str]
    part_of: Optional[str]
    same_as: Optional[str]
    energy_j: Optional[float]
    energy_ci_j: Interval
    mean_power_w: Optional[float]
    std_power_w: Optional[float]
    min_power_w: Optional[float]
    max_power_w: Optional[float]
    idle_power_w: Optional[float]
    idle_power_sd_w: Optional[float]
    gap_s: Optional[float]
    ledger: Optional[Ledger]
    reason: Optional[str]
    remedy: Optional[str]

    @property
    def counts(self) -> bool:
        """Whether its energy belongs to a total: it is neither part of another channel nor reads the same again."""
        return self.energy_j is not None and not self.part_of and not self.same_as


@dataclass(frozen=True)
class Row:
    """A layer, type, group or iteration on one channel."""

    name: str
    type: Optional[str]
    channel: Optional[str]
    state: str
    count: Optional[int]
    time_s: Optional[float]
    latency_ms: Optional[float]
    energy_j: Optional[float]
    energy_per_iteration_mj: Optional[float]
    energy_per_item_mj: Optional[float]
    energy_ci_j: Interval
    energy_absolute_ci_j: Interval
    energy_above_idle_j: Optional[float]
    mean_power_w: Optional[float]
    mean_power_ci_w: Interval
    share: Optional[float]
    method: str
    resolvable: bool
    reason: Optional[str]


@dataclass(frozen=True)
class Closure:
    """total = parts + idle + unattributed + residual, within rounding."""

    channel: str
    total_j: Optional[float]
    parts_j: Optional[float]
    idle_j: Optional[float]
    gaps_j: Optional[float]
    unattributed_j: Optional[float]
    residual_j: Optional[float]
    gap_s: Optional[float]


@dataclass(frozen=True)
class Total:
    """The energy of one channel that is no part of another: per inference and per item, where there were any."""

    channel: str
    state: str
    energy_j: float
    energy_ci_j: Interval
    mean_power_w: Optional[float]
    energy_per_iteration_mj: Optional[float]
    energy_per_item_mj: Optional[float]


def _make(kind: Any, given: Dict[str, Any]) -> Any:
    """Fills a dataclass from JSON; a key that a newer library adds is left in Report.raw."""
    values: Dict[str, Any] = {}
    for f in dataclasses.fields(kind):
        value = given.get(f.name)
        if f.name == "ledger" and value is not None:
            value = _make(Ledger, value)
        elif f.name.endswith(("_ci_j", "_ci_w")) and value is not None:
            value = (value[0], value[1])
        values[f.name] = value
    return kind(**values)


@dataclass
class Report:
    """An explained recording. str() and the notebook show the readings due and taken, the method, and intervals."""

    path: str
    by: str
    raw: Dict[str, Any] = field(repr=False)
    _text: str = field(repr=False)
    _source: Any = field(default=None, repr=False)

    def __post_init__(self) -> None:
        self.method: str = self.raw.get("method") or ""
        self.method_reason: str = self.raw.get("method_reason") or ""
        self.baseline: str = self.raw.get("baseline") or ""
        self.warnings: List[str] = list(self.raw.get("warnings") or [])
        self.notes: List[str] = list(self.raw.get("notes") or [])
        self.run: Dict[str, Any] = dict(self.raw.get("run") or {})
        self.own_cost: Dict[str, Any] = dict(self.raw.get("own_cost") or {})
        self.channels: List[Channel] = [_make(Channel, x) for x in self.raw.get("channels") or []]
        self.closure: List[Closure] = [_make(Closure, x) for x in self.raw.get("closure") or []]
        self.layers = self._rows("layers")
        self.types = self._rows("types")
        self.groups = self._rows("groups")
        self.iterations = self._rows("iterations")

    def _rows(self, key: str) -> List[Row]:
        return [_make(Row, x) for x in self.raw.get(key) or []]

    @property
    def rows(self) -> List[Any]:
        """Row, or Channel where by is "channel"."""
        return list(getattr(self, VIEWS[self.by]))

    def __iter__(self) -> Iterator[Any]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def channel(self, name: str) -> Channel:
        for found in self.channels:
            if found.name == name:
                return found
        raise InvalidError(f"the recording has no channel '{name}'", ", ".join(x.name for x in self.channels))

    @property
    def ledger(self) -> Dict[str, Ledger]:
        """What was due and what came, by channel."""
        return {x.name: x.ledger for x in self.channels if x.ledger is not None}

    @property
    def totals(self) -> List[Total]:
        """One for each channel whose energy counts; channels of different devices may be added, estimates should
        not."""
        iterations, items = self.run.get("iterations"), self.run.get("items")

        def per(energy_j: float, n: Optional[float]) -> Optional[float]:
            return energy_j * 1e3 / n if n else None

        return [
            Total(
                x.name,
                x.state,
                x.energy_j,
                x.energy_ci_j,
                x.mean_power_w,
                per(x.energy_j, iterations),
                per(x.energy_j, items),
            )
            for x in self.channels
            if x.counts and x.energy_j is not None
        ]

    # ---- as text and for other programs

    def __str__(self) -> str:
        return self._text

    def to_json(self, path: Optional[str] = None, indent: Optional[int] = 1) -> str:
        text = json.dumps(self.raw, indent=indent)
        if path is not None:
            with open(path, "w", encoding="utf-8") as f:
                f.write(text + "\n")
        return text

    def to_rows(self) -> List[Dict[str, Any]]:
        """Plain rows: dicts of the fields of `by`."""
        return [dict(x) for x in self.raw.get(VIEWS[self.by]) or []]

    def to_csv(self, path: str) -> None:
        write_csv(path, self.to_rows())

    def to_pandas(self) -> Any:
        """Gives a DataFrame of the rows. Raises UnsupportedError without pandas."""
        return frame(self.to_rows())

    def _repr_html_(self) -> str:
        header = [
            "name",
            "type",
            "count",
            "ms each",
            "mJ/iteration",
            "interval",
            "mJ/item",
            "W",
            "share %",
            "state",
            "reason",
        ]
        cells = []
        for r in self.rows if self.by != "channel" else []:
            n = self.run.get("iterations") or r.count
            cells.append(
                [
                    r.name,
                    r.type or "",
                    _table.number(r.count),
                    _table.number(r.latency_ms),
                    _table.number(r.energy_per_iteration_mj),
                    _table.interval(r.energy_ci_j, 1e3 / n) if n else "-",
                    _table.number(r.energy_per_item_mj),
                    _table.number(r.mean_power_w),
                    _table.number(None if r.share is None else 100 * r.share),
                    r.state if r.resolvable else "not resolvable",
                    r.reason or "",
                ]
            )
        return _table.html(header, cells, before=self.summary())

    def summary(self) -> str:
        """Warnings, and a line a channel: energy, interval, readings due and taken; then the method, and what measuring took."""
        lines = [f"warning: {w}" for w in self.warnings]
        for x in self.channels:
            if x.counts:
                text = (
                    f"{x.name}: {_table.number(x.energy_j)} J, {x.state}, interval {_table.interval(x.energy_ci_j)} J"
                )
                if x.ledger is not None:
                    text += f", {x.ledger.taken} of {x.ledger.expected} readings"
                lines.append(text)
        if self.method:
            lines.append(f"method: {self.method}" + (f" ({self.method_reason})" if self.method_reason else ""))
        # In the words of the report.
        lines += [f"own cost: {x[8:].strip()}" for x in self._text.splitlines() if x.startswith("own cost")]
        return "\n".join(lines)

    def compare_methods(self, limit: int = 0) -> str:
        """Explains the recording by share, regress, isolate and fused, side by side. Takes as long as four reports."""
        lib = library()
        view = _abi.ViewOptions(size=c.sizeof(_abi.ViewOptions), limit=limit)
        return lib.text(lib.jm_report_compare_methods, os.fsencode(self.path), None, c.byref(view))


def frame(rows: List[Dict[str, Any]]) -> Any:
    try:
        import pandas
    except ImportError as e:
        raise UnsupportedError("pandas is not installed", "pip install pandas, or use to_rows()") from e
    return pandas.DataFrame(rows)


def write_csv(path: str, rows: List[Dict[str, Any]]) -> None:
    """An interval takes two columns, NAME_low and NAME_high; an empty cell is unknown. A dict inside a row is left
    out."""
    columns: List[str] = []
    for name in rows[0] if rows else []:
        columns += [f"{name}_low", f"{name}_high"] if "_ci_" in name else [name]
    with open(path, "w", encoding="utf-8", newline="") as f:
        writer = csv.writer(f)
        writer.writerow(columns)
        for row in rows:
            cells: List[Any] = []
            for name, value in row.items():
                if "_ci_" in name:
                    cells += list(value) if value is not None else [None, None]
                else:
                    cells.append(value)
            writer.writerow("" if x is None else x for x in cells)


def open_report(
    path: str,
    method: str = "auto",
    by: str = "layer",
    *,
    baseline: Optional[str] = None,
    window: Optional[str] = None,
) -> Report:
    """Explains a recording. method: "auto", "share", "window", "integrate", "regress", "isolate", "fused". by: "layer",
    "type", "group", "iteration", "channel". baseline: recording of the idle machine, or "none". window: name of
    spans; only the time inside them counts. Raises JoulemapError."""
    if by not in VIEWS:
        raise InvalidError(f"cannot report by '{by}'", ", ".join(VIEWS))
    lib = library()
    options = _abi.ReportOptions(
        size=c.sizeof(_abi.ReportOptions),
        method=encode(method),
        baseline=encode(baseline),
        with_iterations=by == "iteration",
        window=encode(window),
    )
    handle = c.c_void_p()
    lib.call(lib.jm_report_open, os.fsencode(path), c.byref(options), c.byref(handle))
    try:

        def write(format: str) -> str:
            view = _abi.ViewOptions(size=c.sizeof(_abi.ViewOptions), format=encode(format), by=encode(by))
            return lib.text(lib.jm_report_write, handle, c.byref(view))

        return Report(path=str(path), by=by, raw=json.loads(write("json")), _text=write("table"))
    finally:
        lib.jm_report_destroy(handle)
