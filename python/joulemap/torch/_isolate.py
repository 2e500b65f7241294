"""Runs single modules alone, on the inputs that they really get, in blocks long enough for a sensor, in random order.

On CUDA a block replays a graph of many calls, several replays in flight, so that short modules keep the device busy:
an eager loop of a short module measures mostly the wait for its launches. Modules that cannot be captured are
launched eagerly, many in flight, and named."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, field
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

import torch

from joulemap import span_kind
from joulemap.recording import Span
from joulemap.torch import _inputs, _operators
from joulemap.torch._modules import Unit
from joulemap.torch._run import Runner, Writer

BLOCK_S = (0.150, 0.220)
BETWEEN_BLOCKS_S = 0.005
CAPTURED_CALLS = 4
BUFFERS_MAX = 8
BUFFERS_BYTES = 512 << 20
# A graph lasts about so long, and holds at most so many calls; so many are in flight.
GRAPH_S = 0.002
GRAPH_CALLS_MAX = 256
IN_FLIGHT = 4


@dataclass
class Alone:
    """A module and its inputs, or the operator that a container executes itself. launch: starts `calls` calls; None: nothing runs, for the level between kernels."""

    unit: int
    name: str
    inputs: List[_inputs.Call]
    launch: Optional[Callable[[], None]] = None
    calls: int = 1
    is_graph: bool = False
    why_not: str = ""


@dataclass
class Outcome:
    done: List[str] = field(default_factory=list)
    eager: Dict[str, str] = field(default_factory=dict)  # run alone, but not as a graph: why
    skipped: Dict[str, str] = field(default_factory=dict)
    over_budget: List[str] = field(default_factory=list)
    blocks: int = 0
    seconds: float = 0.0


@dataclass
class Captured:
    """What to call, and copies of what it was called with, its first calls."""

    function: Any
    calls: List[_inputs.Call] = field(default_factory=list)


def capture_inputs(runner: Runner, chosen: Sequence[int]) -> Dict[int, Captured]:
    """Runs the model once and copies what each chosen module is called with. Containers, which cannot be called without their
    children, are left out, but for those that execute one operator themselves: that is called."""
    units = runner.units
    modules = [i for i in chosen if not units[i].own]
    taken = {i: Captured(units[i].module) for i in modules}

    def see(i: int, args: Any, kwargs: Any) -> None:
        if len(taken[i].calls) < CAPTURED_CALLS:
            taken[i].calls.append((_inputs.clone(args), _inputs.clone(kwargs)))

    _inputs.watch_calls({i: units[i].module for i in modules}, runner.once, see)
    try:
        own = _operators.capture(units, [i for i in chosen if units[i].own], runner.once, CAPTURED_CALLS)
    except (RuntimeError, NotImplementedError, TypeError):
        own = {}
    for i, executed in own.items():
        taken[i] = Captured(executed[0].function, [(_inputs.clone(e.arguments), _inputs.clone(e.named)) for e in executed])
    runner.synchronize()
    return taken


def _buffers(calls: List[_inputs.Call]) -> List[_inputs.Call]:
    """Copies until there are several, so that a module does not find its inputs in the cache from the call before."""
    size = max(1, sum(_inputs.n_bytes(list(c)) for c in calls))
    wanted = max(1, min(BUFFERS_MAX, BUFFERS_BYTES // size) // len(calls))
    return [(_inputs.clone(a), _inputs.clone(k)) for _ in range(wanted) for a, k in calls]


def _eager(module: Any, inputs: List[_inputs.Call], calls: int) -> Callable[[], None]:
    def launch() -> None:
        for i in range(calls):
            args, kwargs = inputs[i % len(inputs)]
            module(*args, **kwargs)

    return launch


def _seconds_of(launch: Callable[[], None], runner: Runner) -> float:
    runner.synchronize()
    start = time.monotonic_ns()
    launch()
    runner.synchronize()
    return (time.monotonic_ns() - start) * 1e-9


def _graph(module: Any, inputs: List[_inputs.Call], calls: int, pool: Any) -> Callable[[], None]:
    launch = _eager(module, inputs, calls)
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        _eager(module, inputs, len(inputs))()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph, pool=pool):
        launch()
    replay: Callable[[], None] = graph.replay
    return replay


def prepare(runner: Runner, unit: int, captured: Captured, pool: Any) -> Alone:
    """Makes a module ready to run alone. pool: memory that all graphs share, as nobody reads their outputs. Raises
    what the module raises."""
    module = captured.function
    alone = Alone(unit, runner.units[unit].label, _buffers(captured.calls))
    n = len(alone.inputs)
    _eager(module, alone.inputs, n)()
    seconds = _seconds_of(_eager(module, alone.inputs, 2 * n), runner) / (2 * n)
    if not runner.clock.is_device:
        alone.launch, alone.calls = _eager(module, alone.inputs, n), n
        return alone
    wanted = max(n, min(GRAPH_CALLS_MAX, round(GRAPH_S / max(seconds, 1e-6))))
    alone.calls = (wanted + n - 1) // n * n
    try:
        alone.launch, alone.is_graph = _graph(module, alone.inputs, alone.calls, pool), True
    except Exception as e:  # whatever forbids capture: a wait for the device, an operator of the host
        torch.cuda.synchronize()
        alone.why_not = str(e).splitlines()[0][:160] if str(e) else type(e).__name__
        alone.launch = _eager(module, alone.inputs, alone.calls)
    return alone


def _loop(runner: Runner, alone: Alone, seconds: float) -> Tuple[int, int, int]:
    """Gives start, end in ns and the calls between."""
    if alone.launch is None:
        start_ns = time.monotonic_ns()
        time.sleep(seconds)
        return start_ns, time.monotonic_ns(), 1
    alone.launch()
    runner.clock.begin()
    begin = runner.clock.mark()
    until = time.monotonic_ns() + round(seconds * 1e9)
    in_flight: List[Any] = []
    calls = 0
    end = begin
    while time.monotonic_ns() < until or calls == 0:
        alone.launch()
        calls += alone.calls
        end = runner.clock.mark()
        in_flight.append(end)
        if len(in_flight) >= IN_FLIGHT:
            runner.clock.wait(in_flight.pop(0))
    runner.clock.end()
    start_ns, end_ns = runner.clock.ns(begin), runner.clock.ns(end)
    runner.clock.recycle()
    return start_ns, end_ns, calls


def run(
    runner: Runner,
    writer: Writer,
    order: Sequence[int],
    passes: int,
    budget_s: float,
    seed: int,
    waiting: Optional[int] = None,
) -> Outcome:
    """order: units by their time in place, longest first; as many as fit into the budget are run alone. waiting:
    number in writer.names under which the device waits as long as a module runs; None: not at all."""
    outcome = Outcome()
    started = time.monotonic_ns()
    per_unit = passes * (sum(BLOCK_S) / 2 + BETWEEN_BLOCKS_S)
    n_fit = int(budget_s / per_unit)
    captured = capture_inputs(runner, order)
    pool = torch.cuda.graph_pool_handle() if runner.clock.is_device else None
    ready: List[Alone] = []
    for i in order:
        unit: Unit = runner.units[i]
        if unit.own and i not in captured:
            continue  # what a container does itself cannot be called
        if i not in captured or not captured[i].calls:
            outcome.skipped[unit.label] = "its inputs could not be captured"
        elif len(ready) >= n_fit:
            outcome.over_budget.append(unit.label)
        else:
            try:
                ready.append(prepare(runner, i, captured[i], pool))
            except Exception as e:
                outcome.skipped[unit.label] = (
                    f"alone it fails: {str(e).splitlines()[0][:160] if str(e) else type(e).__name__}"
                )
    outcome.done = [a.name for a in ready]
    outcome.eager = {a.name: a.why_not for a in ready if a.why_not}
    if waiting is not None:
        ready.append(Alone(waiting, "", []))
    generator = random.Random(seed)
    blocks_start = time.monotonic_ns()
    for _ in range(passes):
        generator.shuffle(ready)
        for alone in ready:
            a, b, calls = _loop(runner, alone, generator.uniform(*BLOCK_S))
            span = Span(a, b, writer.names[alone.unit], span_kind.LAYER, calls, span_kind.ISOLATED)
            writer.recording.add([span], "isolated")
            outcome.blocks += 1
    if ready:
        writer.phase("isolated", blocks_start, time.monotonic_ns())
    outcome.seconds = (time.monotonic_ns() - started) * 1e-9
    return outcome
