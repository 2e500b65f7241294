"""What a model asks of a machine, module by module: parameters, MACs, FLOPs, bytes. Nothing is measured."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Set, Tuple, Union

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from joulemap import _table
from joulemap.errors import InvalidError
from joulemap.torch._inputs import as_call, tensors
from joulemap.torch._modules import opaque_reason, type_of
from joulemap.torch._op_cost import cost_of, name_of


@dataclass
class Counts:
    """parameters: what training learns; buffers: what a model only keeps. A tensor that several modules share counts once.
    bytes: every operand read once, every result written once. None: something in it is not known how to count."""

    parameters: int = 0
    buffers: int = 0
    weight_bytes: int = 0
    macs: Optional[int] = 0
    flops: Optional[int] = 0
    bytes: int = 0
    activation_bytes: int = 0

    @property
    def intensity(self) -> Optional[float]:
        """FLOPs by byte moved."""
        return self.flops / self.bytes if self.flops is not None and self.bytes else None

    def _add(self, other: "Counts") -> None:
        self.parameters += other.parameters
        self.buffers += other.buffers
        self.weight_bytes += other.weight_bytes
        self.macs = None if self.macs is None or other.macs is None else self.macs + other.macs
        self.flops = None if self.flops is None or other.flops is None else self.flops + other.flops
        self.bytes += other.bytes
        self.activation_bytes += other.activation_bytes


@dataclass
class Module:
    """A module. total: with all that is inside it; own: what it does itself, outside its children, so that own adds up."""

    name: str  # "" is the model
    type: str
    depth: int
    calls: int = 0
    input_shapes: List[Tuple[int, ...]] = field(default_factory=list)  # of the first call
    output_shapes: List[Tuple[int, ...]] = field(default_factory=list)
    own: Counts = field(default_factory=Counts)
    total: Counts = field(default_factory=Counts)
    reason: str = ""  # why a figure is unknown

    def __getattr__(self, name: str) -> Any:
        if name in ("parameters", "buffers", "weight_bytes", "macs", "flops", "bytes", "activation_bytes", "intensity"):
            return getattr(self.total, name)
        raise AttributeError(name)


@dataclass
class Complexity:
    """Of one forward pass."""

    modules: List[Module]  # in the order of the model, which comes first
    notes: List[str]

    @property
    def totals(self) -> Counts:
        return self.modules[0].total

    def __getitem__(self, name: str) -> Module:
        for m in self.modules:
            if m.name == name:
                return m
        raise KeyError(name)

    def to_dict(self) -> Dict[str, Any]:
        """Keys as in `joulemap model --format json`."""

        def counts(c: Counts) -> Dict[str, Any]:
            return dict(vars(c))

        layers = [
            {
                "name": m.name,
                "type": m.type,
                "calls": m.calls,
                "input_shapes": [list(s) for s in m.input_shapes],
                "output_shapes": [list(s) for s in m.output_shapes],
                **counts(m.total),
                "own": counts(m.own),
                "reason": m.reason or None,
            }
            for m in self.modules
        ]
        return {"format": "joulemap-model/1", "totals": counts(self.totals), "notes": self.notes, "modules": layers}

    def to_json(self, path: Union[str, Path, None] = None) -> str:
        text = json.dumps(self.to_dict(), indent=1)
        if path is not None:
            Path(path).write_text(text)
        return text

    def __str__(self) -> str:
        def known(value: Optional[int], unit: float) -> str:
            return "-" if value is None else _table.number(value / unit)

        header = ["module", "type", "output", "parameters", "MMAC", "MFLOP", "activations [MB]", "FLOP/B"]
        rows = [
            [
                "  " * m.depth + (m.name.split(".")[-1] or "(model)"),
                m.type,
                "x".join(map(str, m.output_shapes[0])) if m.output_shapes else "-",
                str(m.total.parameters),
                known(m.total.macs, 1e6),
                known(m.total.flops, 1e6),
                known(m.total.activation_bytes, 1e6),
                _table.number(m.total.intensity),
            ]
            for m in self.modules
        ]
        return "\n".join([_table.text(header, rows)] + self.notes)


class _Counter(TorchDispatchMode):  # type: ignore[misc]
    """Sees every operator that runs, below autograd, and charges it to the module at work."""

    def __init__(self, by_id: Dict[int, Module], root: Module) -> None:
        super().__init__()
        self.by_id, self.stack, self.unknown = by_id, [root], {}  # type: ignore[var-annotated]

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        cost = cost_of(func, args, kwargs or {}, result)
        m = self.stack[-1]
        if cost.macs is None:
            name = name_of(func)
            self.unknown[name] = self.unknown.get(name, 0) + 1
            m.reason = m.reason or f"operator {name} is not counted"
        m.own._add(Counts(0, 0, 0, cost.macs, cost.flops, cost.moved_bytes, cost.result_bytes))
        return result

    def begin(self, module: Any, inputs: Any) -> None:
        m = self.by_id[id(module)]
        m.calls += 1
        if m.calls == 1:
            m.input_shapes = [tuple(t.shape) for t in tensors(list(inputs))]
        self.stack.append(m)

    def end(self, module: Any, inputs: Any, result: Any) -> None:
        m = self.stack.pop()
        if m.calls == 1:
            m.output_shapes = [tuple(t.shape) for t in tensors([result])]


def _list(model: Any) -> Tuple[List[Module], Dict[int, Module]]:
    modules, by_id = [], {}
    for name, module in model.named_modules():
        m = Module(name, type_of(module), name.count(".") + (name != ""))
        modules.append(m)
        by_id[id(module)] = m
        if opaque_reason(module):
            raise InvalidError(f"module '{name}' cannot be counted: {opaque_reason(module)}")
    return modules, by_id


def _count_weights(model: Any, by_id: Dict[int, Module]) -> None:
    seen: Set[int] = set()
    for module in model.modules():
        own = by_id[id(module)].own
        for is_buffer, held in ((False, module.parameters(recurse=False)), (True, module.buffers(recurse=False))):
            for tensor in held:
                # Integers that hold counts and indices are neither.
                if id(tensor) in seen or (is_buffer and tensor.dtype in (torch.int64, torch.bool)):
                    continue
                seen.add(id(tensor))
                own.weight_bytes += tensor.numel() * tensor.element_size()
                if is_buffer:
                    own.buffers += tensor.numel()
                else:
                    own.parameters += tensor.numel()


def _add_up(modules: List[Module]) -> None:
    by_name = {m.name: m for m in modules}
    for m in modules:
        name = m.name
        while True:
            by_name[name].total._add(m.own)
            if not by_name[name].reason and m.reason:
                by_name[name].reason = m.reason
            if not name:
                break
            name = name.rpartition(".")[0]


@contextmanager
def _as_if_alone(model: Any) -> Iterator[None]:
    """Outside of training, so that no statistics change; with gradients where a fused path would hide the operators."""
    was_training = [(m, m.training) for m in model.modules()]
    fused = (torch.nn.MultiheadAttention, torch.nn.TransformerEncoderLayer)
    has_fused = any(isinstance(m, fused) for m in model.modules())
    model.eval()
    try:
        with torch.enable_grad() if has_fused else torch.no_grad():
            yield
    finally:
        for m, training in was_training:
            m.training = training


def complexity(model: Any, inputs: Any) -> Complexity:
    """Counts one forward pass of model on inputs (a tensor; a tuple or list of arguments; a mapping of named ones), which runs once,
    outside of training, where the tensors lie; on "meta" tensors nothing is computed. docs/model-complexity.md says what counts.
    Raises InvalidError where the inside of a module cannot be seen (TorchScript, torch.compile)."""
    if not isinstance(model, torch.nn.Module):
        raise InvalidError(f"{type(model).__name__} is no torch.nn.Module")
    arguments, named = as_call(inputs)
    modules, by_id = _list(model)
    _count_weights(model, by_id)
    counter = _Counter(by_id, modules[0])
    hooks = []
    try:
        for module in model.modules():
            hooks.append(module.register_forward_pre_hook(counter.begin))
            hooks.append(module.register_forward_hook(counter.end))
        with _as_if_alone(model), counter:
            model(*arguments, **named)
    finally:
        for hook in hooks:
            hook.remove()
    _add_up(modules)
    norms = sum(m.calls for m in modules if "BatchNorm" in m.type)
    notes = [f"{norms} batch normalisations are layers of their own, not folded"] if norms else []
    notes += [f"{name}: not counted, {n} times" for name, n in sorted(counter.unknown.items())]
    return Complexity(modules, notes)
