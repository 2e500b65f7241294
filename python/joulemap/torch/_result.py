"""What profile() gives."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Dict, Iterator, List, Optional, Tuple

from joulemap import _table
from joulemap.errors import UnsupportedError
from joulemap.report import Channel, Interval, Report, Row, frame, write_csv

# Rows that are no layer, so that the sum is whole.
IDLE_INSIDE = "(no kernel running)"
OUTSIDE = "(outside the modules)"
REST_ROWS = {
    "unattributed": "(unattributed)",
    "idle": "(between inferences)",
    "residual": "(residual)",
}


@dataclass(frozen=True)
class Layer:
    """A row: a module ("layer"), what a container does itself ("own"), or what the sum needs besides ("rest").

    calls: in one iteration. latency_ms: of one call; time_ms, energies: of one iteration; energy_per_item_mj: of one
    input of the batch. The interval is 95 %, for an estimated channel the bounds. None is unknown, reason says
    why."""

    name: str
    type: str
    kind: str
    calls: Optional[float]
    latency_ms: Optional[float]
    time_ms: Optional[float]
    energy_mj: Optional[float]
    energy_ci_mj: Interval
    energy_per_item_mj: Optional[float]
    power_w: Optional[float]
    power_ci_w: Interval
    share: Optional[float]
    state: str
    method: str
    resolvable: bool
    parameters: Optional[int]
    reason: str


def _scaled(value: Optional[float], factor: Optional[float]) -> Optional[float]:
    return None if value is None or factor is None else value * factor


def _scaled_interval(value: Interval, factor: float) -> Interval:
    return None if value is None else (value[0] * factor, value[1] * factor)


@dataclass
class Profile:
    """Per-layer results of a model, one row a module, on one channel; report has all channels.

    str() and the notebook show coverage, method and intervals. rows include what is no layer (kind "rest"), so that
    their energies add up to the total."""

    model: str
    precision: str
    device: str
    channel: Optional[str]
    batch: Optional[int]
    rows: List[Layer]
    report: Report
    latency_ms: Optional[float]
    hooked_latency_ms: Optional[float]
    timing: str
    notes: List[str] = field(default_factory=list)
    isolated: List[str] = field(default_factory=list)

    def __iter__(self) -> Iterator[Layer]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, name: str) -> Layer:
        for row in self.rows:
            if row.name == name:
                return row
        raise KeyError(name)

    @property
    def layers(self) -> List[Layer]:
        """The rows of modules alone."""
        return [r for r in self.rows if r.kind != "rest"]

    @property
    def method(self) -> str:
        return self.report.method

    @property
    def warnings(self) -> List[str]:
        return self.report.warnings

    @property
    def energy_per_inference_mj(self) -> Optional[float]:
        """Of one iteration, rests between iterations left out. None: no sensor."""
        parts = [r.energy_mj for r in self.rows if r.name != REST_ROWS["idle"] and r.energy_mj is not None]
        return sum(parts) if parts else None

    @property
    def energy_per_item_mj(self) -> Optional[float]:
        return _scaled(self.energy_per_inference_mj, 1.0 / self.batch if self.batch else None)

    def by_type(self) -> Dict[str, Tuple[float, Optional[float]]]:
        """Time in ms and energy in mJ of an iteration, by type of module; energy None where a row of it has none."""
        sums: Dict[str, Tuple[float, Optional[float]]] = {}
        for row in self.layers:
            time_ms, energy = sums.get(row.type, (0.0, 0.0))
            known = energy is not None and row.energy_mj is not None
            sums[row.type] = (
                time_ms + (row.time_ms or 0.0),
                (energy or 0.0) + (row.energy_mj or 0.0) if known else None,
            )
        return sums

    # ---- for other programs

    def to_rows(self) -> List[Dict[str, Any]]:
        return [asdict(r) for r in self.rows]

    def to_pandas(self) -> Any:
        return frame(self.to_rows())

    def to_csv(self, path: str) -> None:
        write_csv(path, self.to_rows())

    def to_json(self, path: Optional[str] = None) -> str:
        """The report behind the rows, joulemap-report/1."""
        return self.report.to_json(path)

    # ---- for people

    def _cells(self) -> List[List[str]]:
        return [
            [
                r.name,
                r.type,
                _table.number(r.calls),
                _table.number(r.latency_ms),
                _table.number(r.energy_mj),
                _table.interval(r.energy_ci_mj),
                _table.number(r.energy_per_item_mj),
                _table.number(r.power_w),
                _table.number(None if r.share is None else 100 * r.share, 3),
                r.state if r.resolvable or r.kind == "rest" else "not resolvable",
            ]
            for r in self.rows
        ]

    _HEADER = ("layer", "type", "calls", "ms each", "mJ/inference", "interval", "mJ/item", "W", "share %", "state")

    def summary(self) -> str:
        lines = [f"{self.model}, {self.precision or 'no parameters'}, {self.device}, batch {self.batch or 'unknown'}"]
        if self.channel is None:
            lines.append("no sensor: times only")
        lines.append(self.report.summary())
        if self.latency_ms is not None:
            lines.append(f"latency: {_table.number(self.latency_ms)} ms an inference; {self.timing}")
        energy = self.energy_per_inference_mj
        if energy is not None:
            per_item = self.energy_per_item_mj
            text = f"energy: {_table.number(energy)} mJ an inference"
            lines.append(text + (f", {_table.number(per_item)} mJ an item" if per_item is not None else ""))
        return "\n".join([line for line in lines if line] + [f"note: {n}" for n in self.notes])

    def _reasons(self) -> List[str]:
        """Each reason once, with the first row that has it and how many more."""
        found: Dict[str, List[str]] = {}
        for r in self.rows:
            if r.reason:
                found.setdefault(r.reason, []).append(r.name)
        return [
            f"{names[0]}{f' and {len(names) - 1} more' if len(names) > 1 else ''}: {reason}"
            for reason, names in found.items()
        ]

    def __str__(self) -> str:
        reasons = [f"  note: {r}" for r in self._reasons()]
        return "\n".join([self.summary(), "", _table.text(self._HEADER, self._cells())] + reasons)

    def _repr_html_(self) -> str:
        return _table.html(self._HEADER, self._cells(), before=self.summary(), after="\n".join(self._reasons()))

    def plot(self, path: Optional[str] = None, limit: int = 30) -> Any:
        """Bars of energy per inference with intervals, largest first; of time where there is no energy. path: also
        saves it there. Gives the matplotlib figure. Raises UnsupportedError without matplotlib."""
        try:
            from matplotlib.figure import Figure
        except ImportError as e:
            raise UnsupportedError("matplotlib is not installed", "pip install matplotlib, or use to_csv()") from e
        has_energy = any(r.energy_mj is not None for r in self.rows)
        values = [(r, r.energy_mj if has_energy else r.time_ms) for r in self.rows]
        known = sorted([(r, v) for r, v in values if v is not None], key=lambda x: -x[1])[:limit][::-1]
        # Figure itself, not pyplot: no global state, and no window.
        figure = Figure(figsize=(10, 1.2 + 0.26 * len(known)), layout="tight" if known else None)
        axes = figure.add_subplot()
        errors: List[List[float]] = [[], []]
        for r, v in known:
            low, high = r.energy_ci_mj if has_energy and r.energy_ci_mj is not None else (v, v)
            errors[0].append(max(0.0, v - low))
            errors[1].append(max(0.0, high - v))
        colours = ["#b0b0b0" if r.kind == "rest" else "#3b6ea5" for r, _ in known]
        axes.barh(
            [r.name for r, _ in known], [v for _, v in known], xerr=errors, color=colours, ecolor="#202020", capsize=2
        )
        axes.set_xlabel("mJ per inference" if has_energy else "ms per inference")
        title = f"{self.model}, {self.precision}, batch {self.batch}\n{self.channel or 'times'}, method {self.method}"
        axes.set_title(title, fontsize=10)
        axes.tick_params(axis="y", labelsize=7)
        if path is not None:
            figure.savefig(path, dpi=130)
        return figure


def channel_for(report: Report, device: Optional[int]) -> Optional[Channel]:
    """The channel that rows are of: the CUDA device's board; on a processor its package, or the estimate."""
    usable = [x for x in report.channels if x.counts]
    if device is not None:
        for found in usable:
            parts = found.name.split("/")
            if found.driver == "nvml" and len(parts) > 1 and parts[1] == f"gpu{device}":
                return found
        gpus = [x for x in usable if x.domain == "gpu" and x.driver != "nvml"]
        if len(gpus) == 1:
            return gpus[0]
    order = ("package", "platform", "other", "rail")
    rest = sorted((x for x in usable if x.domain in order), key=lambda x: order.index(str(x.domain)))
    measured = [x for x in rest if x.state == "measured"]
    candidates = measured or rest or usable
    return candidates[0] if candidates else None


def rows_of(
    report: Report,
    channel: Optional[str],
    facts: Dict[str, Tuple[str, Optional[int]]],
    calls: Dict[str, float],
    batch: Optional[int],
    n_iterations: float,
) -> List[Layer]:
    """Joins the report's rows of a channel with what is known of the modules. facts: label to (kind, parameters);
    calls: of each label in one iteration."""
    per_iteration = 1e3 / n_iterations if n_iterations else None
    made: List[Layer] = []
    for r in report.layers:
        if r.channel != channel:
            continue
        made.append(_layer(r, facts, calls, batch, per_iteration))
    made += _rest_rows(report, channel, batch, per_iteration)
    return made


def _layer(
    r: Row,
    facts: Dict[str, Tuple[str, Optional[int]]],
    calls: Dict[str, float],
    batch: Optional[int],
    per_iteration: Optional[float],
) -> Layer:
    kind, parameters = facts.get(r.name, ("rest", None))
    n = calls.get(r.name)
    time_ms = _scaled(r.time_s, per_iteration)
    energy = _scaled(r.energy_j, per_iteration)
    return Layer(
        name=r.name,
        type=r.type or "",
        kind=kind,
        calls=n,
        latency_ms=time_ms / n if time_ms is not None and n else None,
        time_ms=time_ms,
        energy_mj=energy,
        energy_ci_mj=_scaled_interval(r.energy_ci_j, per_iteration) if per_iteration else None,
        energy_per_item_mj=_scaled(energy, 1.0 / batch if batch else None),
        power_w=r.mean_power_w,
        power_ci_w=r.mean_power_ci_w,
        share=r.share,
        state=r.state,
        method=r.method,
        resolvable=r.resolvable,
        parameters=parameters,
        reason=r.reason or "",
    )


def _rest_rows(
    report: Report, channel: Optional[str], batch: Optional[int], per_iteration: Optional[float]
) -> List[Layer]:
    sums = [x for x in report.closure if x.channel == channel]
    if not sums:
        return []
    closure = sums[0]
    energies = {"unattributed": closure.unattributed_j, "idle": closure.idle_j, "residual": closure.residual_j}
    state = report.channel(closure.channel).state
    made = []
    for key, energy_j in energies.items():
        energy = _scaled(energy_j, per_iteration)
        share = energy_j / closure.total_j if energy_j is not None and closure.total_j else None
        made.append(
            Layer(
                name=REST_ROWS[key],
                type="",
                kind="rest",
                calls=None,
                latency_ms=None,
                time_ms=None,
                energy_mj=energy,
                energy_ci_mj=None,
                energy_per_item_mj=_scaled(energy, 1.0 / batch if batch else None),
                power_w=None,
                power_ci_w=None,
                share=share,
                state=state,
                method="",
                resolvable=True,
                parameters=None,
                reason="",
            )
        )
    return made
