"""Which modules of a network become rows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Callable, Dict, Iterator, List, Optional, Sequence, Tuple

import torch

from joulemap.errors import InvalidError
from joulemap.torch import _inputs


@dataclass
class Unit:
    """A module that gets a row. own: a container, whose row is what it does itself, outside its children."""

    name: str
    module: Any
    type: str
    depth: int
    own: bool
    opaque: str = ""  # why nothing inside it can be told apart
    aliases: List[str] = field(default_factory=list)

    @property
    def label(self) -> str:
        return f"{self.name} (own)" if self.own else self.name

    @property
    def parameters(self) -> int:
        modules = [self.module] if self.own else self.module.modules()
        return sum(p.numel() for m in modules for p in m.parameters(recurse=False) if hasattr(p, "numel"))


def type_of(module: Any) -> str:
    name = getattr(module, "original_name", None)  # of a scripted module
    return str(name) if name else type(module).__name__


def opaque_reason(module: Any) -> str:
    """Says why no hooks inside a module are called; empty: they are."""
    if isinstance(module, torch.jit.ScriptModule):
        return "TorchScript: its inside runs without Python, so its modules cannot be told apart"
    if hasattr(module, "_orig_mod") and type(module).__name__ == "OptimizedModule":
        return "torch.compile: its modules are fused, so they cannot be told apart"
    if getattr(module, "_compiled_call_impl", None) is not None:
        return "Module.compile: its modules are fused, so they cannot be told apart"
    return ""


def does_nothing(unit: Unit) -> bool:
    """Dropout outside of training, and identities."""
    kinds = (torch.nn.Identity, torch.nn.modules.dropout._DropoutNd)
    return type(unit.module) is torch.nn.Identity or (isinstance(unit.module, kinds) and not unit.module.training)


def _children(module: Any) -> List[Tuple[str, Any]]:
    """As named_children, but a module that stands twice comes twice."""
    return [(n, m) for n, m in module._modules.items() if m is not None]


def _unwrapped(model: Any) -> Tuple[Any, str]:
    """DataParallel runs copies of one inner module; names are those of the inner one."""
    if isinstance(model, (torch.nn.DataParallel, torch.nn.parallel.DistributedDataParallel)):
        return model.module, type(model).__name__
    return model, ""


def _walk(module: Any, name: str, depth: int) -> Iterator[Tuple[str, Any, int, bool, str]]:
    """Gives (name, module, depth, has children to look at, opaque)."""
    opaque = opaque_reason(module)
    children = [] if opaque else _children(module)
    yield name, module, depth, bool(children), opaque
    for child_name, child in children:
        yield from _walk(child, f"{name}.{child_name}" if name else child_name, depth + 1)


def select(model: Any, depth: Optional[int], names: Optional[Sequence[str]] = None) -> List[Unit]:
    """Gives leaf modules, or those `depth` levels below the model (and leaves above), or those of the names, and the
    containers over them, in order of definition. A module that stands in several places is one unit. Raises
    InvalidError."""
    if depth is not None and depth < 0:
        raise InvalidError(f"the depth is {depth}", "0: the whole model, 1: its children, ...; None: leaf modules")
    root, _ = _unwrapped(model)
    wanted = set(names) if names is not None else None
    units: Dict[int, Unit] = {}
    found = set()
    for name, module, level, has_children, opaque in _walk(root, "", 0):
        label = name or "(model)"
        if wanted is not None:
            if any(name.startswith(f"{w}.") for w in wanted):
                continue
            own = label not in wanted
            # Of what was not asked for only that which holds something that was.
            if own and name and not any(w.startswith(f"{name}.") for w in wanted):
                continue
            found.add(label)
        elif depth is not None and level > depth:
            continue
        else:
            own = has_children and (depth is None or level < depth)
        if id(module) in units:
            units[id(module)].aliases.append(label)
            continue
        units[id(module)] = Unit(label, module, type_of(module), level, own, opaque)
    if wanted is not None and wanted - found:
        raise InvalidError(
            f"the model has no module '{sorted(wanted - found)[0]}'", "names as of model.named_modules()"
        )
    return list(units.values())


def _signature(value: Any) -> Any:
    """Shapes and types of the tensors in a value, and what else is in it."""
    if isinstance(value, torch.Tensor):
        return (tuple(value.shape), str(value.dtype), str(value.device))
    if isinstance(value, (tuple, list)):
        return tuple(_signature(v) for v in value)
    if isinstance(value, dict):
        return tuple((str(k), _signature(v)) for k, v in value.items())
    return repr(value) if isinstance(value, (bool, int, float, str, type(None))) else type(value).__name__


def _make(unit: Unit) -> Any:
    """What a module is, without the values of its parameters: type, settings, shapes."""
    module = unit.module
    held = list(module.named_parameters()) + list(module.named_buffers())
    shapes = tuple((name, tuple(t.shape), str(t.dtype)) for name, t in held if hasattr(t, "shape"))
    return type(module), unit.own, module.training, repr(module), shapes


def identical(units: Sequence[Unit], chosen: Sequence[int], run: Callable[[], Any]) -> List[List[int]]:
    """Gives groups of modules that do the same work: of the same type and settings, with parameters of the same shapes, called
    equally often with inputs of the same shapes. run: calls the model once."""
    calls: Dict[int, List[Any]] = {i: [] for i in chosen}

    def see(i: int, args: Any, kwargs: Any) -> None:
        calls[i].append((_signature(args), _signature(kwargs)))

    _inputs.watch_calls({i: units[i].module for i in chosen}, run, see)
    groups: Dict[Any, List[int]] = {}
    for i in chosen:
        if calls[i] and not units[i].opaque:
            groups.setdefault((_make(units[i]), tuple(calls[i])), []).append(i)
    return [g for g in groups.values() if len(g) > 1]


def notes_on(model: Any, units: List[Unit]) -> List[str]:
    """What a user should know of what cannot be seen."""
    _, wrapper = _unwrapped(model)
    notes = []
    if wrapper:
        notes.append(f"{wrapper}: rows are of the copies on all devices together")
    for unit in units:
        if unit.opaque:
            notes.append(f"{unit.name}: {unit.opaque}")
        if unit.aliases:
            notes.append(f"{unit.name} is the same module as {', '.join(unit.aliases)}: one row for all")
    return notes
