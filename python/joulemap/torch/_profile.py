"""joulemap.torch.profile: the order of things."""

from __future__ import annotations

import os
import time
from typing import Any, Dict, List, Optional, Sequence, Set, Tuple

import torch

from joulemap import span_kind
from joulemap._table import number
from joulemap.errors import InvalidError
from joulemap.recording import Recording, Span
from joulemap.report import Channel, Report
from joulemap.torch import _inputs, _isolate, _kernels, _modules, _operators, _result
from joulemap.torch._clock import clock_for
from joulemap.torch._modules import Unit
from joulemap.torch._result import IDLE_INSIDE, OUTSIDE, Profile
from joulemap.torch._run import Runner, Writer, median

# Hooks that cost more than this part of the latency do not time layers in place: energy then comes from runs without
# them.
DISTORTION_MAX = 0.05
TRIAL_ROUNDS = 3
# A container whose own work is below this part of an iteration is not marked: its time stays unattributed.
OWN_MIN = 0.005
PROFILED_BLOCKS = 4
PROFILED_ITERATIONS = 5
DEFAULT_SECONDS = 10.0


class _Session:
    """One call of profile()."""

    def __init__(
        self, model: Any, call: _inputs.Call, depth: Optional[int], modules: Optional[Sequence[str]], seed: int
    ) -> None:
        self.model, self.call, self.depth, self.modules, self.seed = model, call, depth, modules, seed
        self.devices = _inputs.cuda_devices(model, call)
        self.clock = clock_for(self.devices)
        self.runner = Runner(model, call, [], self.clock, None)
        self.runner.random.seed(seed)
        self.notes: List[str] = []
        self.chosen: List[int] = []
        self.plain_s: Optional[float] = None
        self.hooked_s: Optional[float] = None
        self.calls: Dict[int, float] = {}
        self.in_place = True
        self.use_kernels = False
        self.unit_time: Dict[int, float] = {}
        self.identical: List[List[int]] = []
        self.operators: Dict[int, str] = {}

    # ---- before the recording

    def warm_up(self, n: int) -> None:
        try:
            self.runner.once()
            self.runner.synchronize()
        except (TypeError, RuntimeError, ValueError, AttributeError, IndexError) as e:
            raise _inputs.explain_failure(self.model, self.call, e) from e
        for _ in range(n - 1):
            self.runner.once()
        self.runner.synchronize()
        self.runner.block(max(1, min(n, 3)), rests=False)

    def choose(self) -> None:
        """Picks the modules, after the warm-up: lazy ones exist only then."""
        units = _modules.select(self.model, self.depth, self.modules)
        self.runner.units = units
        self.notes += _modules.notes_on(self.model, units)
        every = list(range(len(units)))
        block = self.runner.block(2, every)
        for i in self.runner.no_hooks:
            self.notes.append(f"{units[i].label}: takes no hooks, its work is part of what holds it")
        called = {i for i, *_ in block.calls}
        for unit in units:
            # Its children were not called, but what they hold was used: multi-head attention, a fused path.
            prefix = f"{unit.name}." if unit.name != "(model)" else ""
            unit.own = unit.own and any(units[i].name.startswith(prefix) and units[i] is not unit for i in called)
        own = _own_times([(i, a, b) for i, a, b, k, _ in block.calls if k == 1], units)
        # The call itself is an iteration: what the outermost module does itself is unattributed unless it is much.
        least = OWN_MIN * (self.runner.latency_s or 0) * 1e9
        self.chosen = [i for i in every if i in called and (not units[i].own or own.get(i, 0) >= least)]
        no_ops = {i for i in self.chosen if _modules.does_nothing(units[i])}
        if no_ops:
            # Their marks would cost the device more than they do.
            self.chosen = [i for i in self.chosen if i not in no_ops]
            self.notes.append(f"{len(no_ops)} modules do nothing outside of training (dropout) and have no row")
        self.identical = _modules.identical(units, self.chosen, self.runner.once)
        self.operators = _operators.find(units, self.chosen, self.runner.once)
        whole = tuple(f"{units[i].name}." for i in called if not units[i].own)
        silent = [
            units[i].label
            for i in every
            if i not in called
            and not (units[i].own or _modules.does_nothing(units[i]) or units[i].name.startswith(whole))
        ]
        if silent:
            more = f" and {len(silent) - 5} more" if len(silent) > 5 else ""
            self.notes.append(f"never called: {', '.join(silent[:5])}{more}")

    def try_hooks(self) -> None:
        """Compares latencies with and without hooks, alternating, and decides how layers are timed."""
        plain: List[float] = []
        hooked: List[float] = []
        n = max(3, min(30, self.runner.n_for_block(2 * len(self.chosen) + 2)))
        for _ in range(TRIAL_ROUNDS):
            plain += self.runner.block(n).latencies_s()
            block = self.runner.block(n, self.chosen)
            hooked += block.latencies_s()
            for i, a, b, _, _ in block.calls:
                self.calls[i] = self.calls.get(i, 0) + 1
                self.unit_time[i] = self.unit_time.get(i, 0.0) + (b - a)
        self.calls = {i: found / (n * TRIAL_ROUNDS) for i, found in self.calls.items()}
        self.plain_s, self.hooked_s = median(plain), median(hooked)
        self.runner.latency_s = self.plain_s
        self.in_place = self.hooked_s <= (1 + DISTORTION_MAX) * self.plain_s
        self.use_kernels = not self.in_place and self.clock.is_device and _kernels.is_available()
        if not self.in_place:
            # Rests tell the sensor's lag to a regression, which needs layers timed in place.
            self.runner.rest = None

    # ---- under the recording

    def measure(self, writer: Writer, runs: int) -> None:
        if self.in_place:
            self._measure_in_place(writer, runs)
        else:
            self._measure_apart(writer, runs)

    def _measure_in_place(self, writer: Writer, runs: int) -> None:
        left = runs
        while left > 0:
            n = min(left, self.runner.n_for_block(2 * round(sum(self.calls.values())) + 2))
            writer.block(self.runner.block(n, self.chosen), "measured")
            left -= n

    def _measure_apart(self, writer: Writer, runs: int) -> None:
        """Energy from iterations without hooks, layer times from short blocks between them."""
        left, done, profiled = runs, 0, 0
        while left > 0:
            if profiled <= done * PROFILED_BLOCKS // runs:
                self._profiled_block(writer)
                profiled += 1
            n = min(left, self.runner.n_for_block(2))
            writer.block(self.runner.block(n), "measured")
            left, done = left - n, done + n

    def _profiled_block(self, writer: Writer) -> None:
        if self.use_kernels:
            start = time.monotonic_ns()
            try:
                traced = _kernels.trace(self.runner, self.chosen, PROFILED_ITERATIONS)
            except RuntimeError as e:
                self.use_kernels = False
                self.notes.append(f"PyTorch's profiler cannot run ({e}): layers are timed by events, waits included")
            else:
                self._write_kernels(writer, traced, start)
                return
        n = max(PROFILED_ITERATIONS, self.runner.n_for_block(2 * len(self.chosen)) // 2)
        writer.block(self.runner.block(n, self.chosen, rests=False), "profiled", span_kind.PROFILED)

    def _write_kernels(self, writer: Writer, traced: Sequence[_kernels.Traced], start_ns: int) -> None:
        """Kernels as spans of their module, at the unprofiled latency: the profiler lengthens the waits, not the
        kernels."""
        assert self.runner.latency_s is not None
        latency_us = self.runner.latency_s * 1e6
        names = writer.names
        names[_kernels.OUTSIDE] = writer.recording.name_id(OUTSIDE, "")
        names[_kernels.WAITING] = writer.recording.name_id(IDLE_INSIDE, "wait")
        spans: List[Span] = []
        for iteration in traced:
            k = writer.n_iterations
            writer.n_iterations += 1
            a = start_ns
            end = a + round(latency_us * 1e3)
            spans.append(Span(a, end, writer.call_name, span_kind.ITERATION, k, span_kind.PROFILED))
            until = a
            for unit, s, e in _kernels.laid_out(iteration, latency_us):
                s_ns, e_ns = a + round(s * 1e3), a + round(e * 1e3)
                if s_ns > until:
                    spans.append(Span(until, s_ns, names[_kernels.WAITING], span_kind.LAYER, k, span_kind.PROFILED))
                spans.append(Span(s_ns, e_ns, names[unit], span_kind.LAYER, k, span_kind.PROFILED))
                until = e_ns
                self.unit_time[unit] = self.unit_time.get(unit, 0.0) + (e_ns - s_ns)
            start_ns = max(end, until) + 1
        writer.recording.add(spans)

    def timing(self) -> str:
        if self.plain_s is None or self.hooked_s is None:
            return ""
        ratio = self.hooked_s / self.plain_s
        if self.in_place:
            return f"layers timed in place, with hooks {number(ratio, 3)} times that without"
        what = "kernels by PyTorch's profiler" if self.use_kernels else "hooks"
        return (
            f"hooks make it {number(ratio, 3)} times slower, so energy is from runs without, "
            f"layer times from short blocks of {what}"
        )


def _own_times(calls: Sequence[Tuple[int, int, int]], units: Sequence[Unit]) -> Dict[int, float]:
    """Gives the ns that each unit spent outside of others. calls of one thread nest."""
    own: Dict[int, float] = {}
    stack: List[Tuple[int, int]] = []  # unit, end
    for i, a, b in sorted(calls, key=lambda c: (c[1], -c[2])):
        while stack and stack[-1][1] <= a:
            stack.pop()
        own[i] = own.get(i, 0) + (b - a)
        if stack:
            own[stack[-1][0]] = own.get(stack[-1][0], 0) - (b - a)
        stack.append((i, b))
    return own


def _nvml_index(device: int) -> int:
    """The driver numbers all devices, a process the visible ones."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES", "")
    numbers = [p.strip() for p in visible.split(",") if p.strip()]
    if device < len(numbers) and numbers[device].isdigit():
        return int(numbers[device])
    return device


def _method_for(session: _Session, method: str, isolated: bool) -> str:
    """Layers whose place in the readings is unknown cannot be regressed; their power alone is better than a share."""
    return "isolate" if method == "auto" and isolated and not session.in_place else method


def _refused(report: Report, channel: Optional[Channel]) -> bool:
    """Whether no better than a share by time came of it, or nothing."""
    rows = [r for r in report.layers if channel is not None and r.channel == channel.name]
    return bool(rows) and all(r.method == "share" or r.energy_j is None for r in rows)


def _isolate_order(session: _Session) -> List[int]:
    """Units by their time in place, longest first; of modules that do the same work one comes before all others, by their time
    together."""
    found: Set[int] = {i for i in session.unit_time if i >= 0}
    time_of = dict(session.unit_time)
    second: Set[int] = set()
    for group in session.identical:
        members = [i for i in group if i in found]
        if members:
            time_of[members[0]] = sum(session.unit_time[i] for i in members)
            second.update(members[1:])
    return sorted(found, key=lambda i: (i in second, -time_of[i]))


def _say_isolated(session: _Session, outcome: _isolate.Outcome, passes: int) -> None:
    notes = session.notes
    notes.append(f"{len(outcome.done)} modules run alone, {passes} times each, in {number(outcome.seconds, 3)} s")
    for what, found in (("not run alone", outcome.skipped), ("run alone without a CUDA graph", outcome.eager)):
        for name, why in list(found.items())[:3]:
            notes.append(f"{what}: {name}: {why}")
        if len(found) > 3:
            notes.append(f"{what}: {len(found) - 3} more")
    if outcome.over_budget:
        notes.append(
            f"not run alone, as the time was up: {len(outcome.over_budget)} modules; isolate_budget allows more"
        )


def profile(
    model: Any,
    inputs: Any,
    *,
    runs: Optional[int] = None,
    batch: Optional[int] = None,
    warmup: int = 10,
    depth: Optional[int] = None,
    modules: Optional[Sequence[str]] = None,
    isolate: bool = False,
    isolate_passes: int = 4,
    isolate_budget: float = 60.0,
    dither: Optional[float] = None,
    method: str = "auto",
    sensors: Optional[str] = None,
    period: Optional[float] = None,
    path: Optional[str] = None,
    overwrite: bool = False,
    idle: float = 1.0,
    seed: int = 0,
    name: Optional[str] = None,
) -> Profile:
    """Runs a PyTorch model under measurement and splits its energy over its modules.

    inputs: a tensor, a tuple or list of arguments, or a mapping of named ones. runs: measured inferences; None: 10 s of
    them. batch: items in one inference; None: the first dimension of the first tensor. warmup: unmeasured inferences
    before. depth: modules so many levels below the model are rows; None: leaf modules. modules: names of those that are
    rows, instead. isolate: also run each module alone, isolate_passes blocks of 0.2 s each, isolate_budget s in all.
    dither: longest random rest behind an inference, as part of one; None: 0.3 on CUDA, where it tells the sensor's lag,
    else none. method: of reports. sensors, period, path, overwrite: of Recording; path None: nothing is kept but the
    result. idle: quiet seconds before and after, for the idle level. name: of the network, in the recording; None: its class.

    The model runs as it is (eval() it first), without gradients. Hooks are removed in any case. Raises what the model
    raises, and JoulemapError; InvalidError where its very first call fails, since then the inputs do not fit it."""
    if runs is not None and runs < 1:
        raise InvalidError(f"{runs} runs are none", "at least 1")
    if warmup < 1:
        raise InvalidError(
            "without a warm-up the first inference, which is no typical one, would count", "warmup=1 or more"
        )
    _inputs.check_model(model)
    call = _inputs.as_call(inputs)
    items = batch if batch is not None else _inputs.items_of(call)
    with torch.inference_mode():
        session = _Session(model, call, depth, modules, seed)
        fraction = dither if dither is not None else 0.3 if session.clock.is_device else 0.0
        if not 0 <= fraction <= 1:
            raise InvalidError(f"a rest of {fraction} of an inference is not between 0 and 1", "dither=0.3")
        session.runner.rest = _inputs.rests(fraction, seed) if fraction > 0 else None
        session.warm_up(warmup)
        session.choose()
        session.try_hooks()
        n_runs = runs if runs is not None else max(10, round(DEFAULT_SECONDS / (session.plain_s or 1)))
        recording = Recording(
            path, sensors, period, overwrite=overwrite, require_sensor=False, command="joulemap.torch.profile"
        )
        with recording:
            recording.meta("model", name or type(model).__name__)
            _describe(recording, session, items, fraction if session.runner.rest is not None else 0.0)
            outcome = _record(recording, session, n_runs, isolate, isolate_passes, isolate_budget, idle)
    return _explain(recording, session, items, method, outcome, isolate_passes, batch is None)


def _describe(recording: Recording, session: _Session, items: Optional[int], fraction: float) -> None:
    recording.meta("precision", _inputs.precision_of(session.model))
    if items:
        recording.meta("batch", items)
        recording.meta("items_per_iteration", items)
    if fraction > 0:
        recording.meta("dither_fraction", fraction)


def _record(
    recording: Recording, session: _Session, runs: int, isolate: bool, passes: int, budget: float, idle: float
) -> Optional[_isolate.Outcome]:
    writer = Writer(recording, session.runner.units)
    for i, text in session.operators.items():
        recording.shapes(writer.names[i], text)
    if session.identical:
        groups = (" ".join(str(writer.names[i]) for i in group) for group in session.identical)
        recording.meta("identical", ";".join(groups))
    writer.rest(idle)
    # The device woke up again: its clocks rise within some inferences, which are not measured.
    session.runner.block(max(2, session.runner.n_for_block(2) // 4))
    session.measure(writer, runs)
    if writer.stalled_ms:
        stalled = writer.stalled_ms
        session.notes.append(
            f"{len(stalled)} of {runs} inferences were held up (up to {number(max(stalled))} ms) and are left out"
        )
    if session.use_kernels:
        # Spans are kernels, of which a call has several.
        recording.meta("calls", " ".join(f"{writer.names[i]}:{n:g}" for i, n in session.calls.items() if n > 0))
    outcome = None
    if isolate:
        order, waiting = _isolate_order(session), _kernels.WAITING if session.use_kernels else None
        outcome = _isolate.run(session.runner, writer, order, passes, budget, session.seed, waiting)
    writer.rest(idle)
    return outcome


def _explain(
    recording: Recording,
    session: _Session,
    items: Optional[int],
    method: str,
    outcome: Optional[_isolate.Outcome],
    passes: int,
    is_guessed: bool,
) -> Profile:
    isolated = outcome.done if outcome is not None else []
    device = session.devices[0] if session.devices else None
    report = recording.report(_method_for(session, method, bool(isolated)))
    found = _result.channel_for(report, _nvml_index(device) if device is not None else None)
    if isolated and method == "auto" and report.method != "isolate" and _refused(report, found):
        why = next((w for w in report.warnings if "misfit" in w or "refused" in w), "")
        session.notes.append(
            f"layers cannot be told apart in place, their power alone is taken{f' ({why})' if why else ''}"
        )
        report = recording.report("isolate")
        found = _result.channel_for(report, _nvml_index(device) if device is not None else None)
    if outcome is not None:
        _say_isolated(session, outcome, passes)
    if session.model.training if hasattr(session.model, "training") else False:
        session.notes.append("the model is in training mode; eval() it to measure inference")
    if is_guessed and items:
        session.notes.append(f"batch {items} taken from the first dimension of the first tensor")
    if len(session.devices) > 1:
        session.notes.append(
            f"{len(session.devices)} devices: rows are of the channel of cuda:{device}, the others are in .report"
        )
    if found is not None and device is not None and found.domain != "gpu":
        session.notes.append(
            f"no sensor of cuda:{device} can be used: the rows are of {found.name}, which does not see it"
        )
    units = session.runner.units
    facts: Dict[str, Tuple[str, Optional[int]]] = {u.label: ("own" if u.own else "layer", u.parameters) for u in units}
    calls = {units[i].label: n for i, n in session.calls.items()}
    channel = found.name if found is not None else None
    rows = _result.rows_of(report, channel, facts, calls, items, float(report.run.get("iterations") or 0))
    latency: Any = (report.run.get("latency") or {}).get("mean_ms")
    session.notes += recording.warnings
    return Profile(
        model=type(session.model).__name__,
        precision=_inputs.precision_of(session.model),
        device=torch.cuda.get_device_name(device) if device is not None else "cpu",
        channel=channel,
        batch=items,
        rows=rows,
        report=report,
        latency_ms=latency,
        hooked_latency_ms=session.hooked_s * 1e3 if session.hooked_s is not None else None,
        timing=session.timing(),
        notes=session.notes,
        isolated=isolated,
    )


__all__ = ["profile"]
