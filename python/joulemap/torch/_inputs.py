"""Inputs of a model: how they are passed, where they lie, how many items they hold."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple

import torch

from joulemap.errors import InvalidError

Call = Tuple[Tuple[Any, ...], Dict[str, Any]]


def as_call(inputs: Any) -> Call:
    """A tuple or list is the arguments, a mapping the named arguments (as tokenizers give), else the one argument."""
    if isinstance(inputs, Mapping):
        return (), {str(k): v for k, v in inputs.items()}
    if isinstance(inputs, (tuple, list)):
        return tuple(inputs), {}
    return (inputs,), {}


def tensors(value: Any) -> Iterator[Any]:
    """Gives the tensors in a value, of nested tuples, lists and mappings."""
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from tensors(item)
    elif isinstance(value, (tuple, list)):
        for item in value:
            yield from tensors(item)


def n_bytes(value: Any) -> int:
    return sum(t.numel() * t.element_size() for t in tensors(value))


def items_of(call: Call) -> Optional[int]:
    """The first dimension of the first tensor: the batch, by the custom of PyTorch. None: no tensor has one."""
    for tensor in tensors(list(call)):
        if tensor.dim() > 0:
            return int(tensor.shape[0])
    return None


def clone(value: Any) -> Any:
    """Copies the tensors of a value into memory of their own."""
    if isinstance(value, torch.Tensor):
        return value.detach().clone()
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(clone(v) for v in value))
    if isinstance(value, (tuple, list)):
        return type(value)(clone(v) for v in value)
    if isinstance(value, dict):
        return {k: clone(v) for k, v in value.items()}
    return value


def watch_calls(modules: Dict[int, Any], run: Callable[[], Any], see: Callable[[int, Any, Any], None]) -> None:
    """Calls see(key, args, kwargs) before each call of the modules while run() runs. Forward hooks see no named arguments
    before PyTorch 2, so forward itself is replaced meanwhile; modules whose forward is not the class's are left out."""
    patched: List[Any] = []

    def wrap(key: int, forward: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            see(key, args, kwargs)
            return forward(*args, **kwargs)

        return wrapped

    try:
        for key, module in modules.items():
            if isinstance(module, torch.jit.ScriptModule) or "forward" in module.__dict__:
                continue
            module.forward = wrap(key, module.forward)
            patched.append(module)
        run()
    finally:
        for module in patched:
            del module.forward


def cuda_devices(model: Any, call: Call) -> List[int]:
    """The CUDA devices that parameters, buffers and inputs lie on; of DataParallel all of its own."""
    found = set()
    held = list(getattr(model, "parameters", lambda: ())()) + list(getattr(model, "buffers", lambda: ())())
    for tensor in held + list(tensors(list(call))):
        if tensor.is_cuda:
            found.add(int(tensor.get_device()))
    if isinstance(model, torch.nn.DataParallel):
        found.update(int(d) for d in model.device_ids)
    return sorted(found)


def check_model(model: Any) -> None:
    """Raises InvalidError for what is no module, said plainly."""
    if isinstance(model, torch.nn.Module):
        return
    if isinstance(model, type) and issubclass(model, torch.nn.Module):
        raise InvalidError(f"{model.__name__} is a class of modules, not a module", f"make one: {model.__name__}(...)")
    raise InvalidError(
        f"the model is of type {type(model).__name__}, not a torch.nn.Module",
        "pass the module itself (of a pipeline its .model); of a function: joulemap.Recording and its regions",
    )


def _line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:200] if lines else type(error).__name__


def _places(value: Any) -> str:
    return ", ".join(sorted({str(t.device) for t in tensors(value)})) or "none"


def explain_failure(model: Any, call: Call, error: BaseException) -> InvalidError:
    """What a user should know where the very first call of a model fails: its inputs do not fit it, mostly."""
    held = _places(list(model.parameters()) + list(model.buffers()))
    given = _places(list(call))
    shapes = ", ".join("x".join(str(n) for n in t.shape) or "a number" for t in tensors(list(call))) or "no tensor"
    remedy = f"model(*inputs) must work by itself; given were {shapes}"
    if "out of memory" in str(error):
        remedy = "a smaller batch, or a device with more memory"
    elif held != "none" and given != "none" and held != given:
        remedy = f"bring both to one device: the model lies on {held}, the inputs on {given}"
    return InvalidError(f"{type(model).__name__} cannot be run on these inputs: {_line(error)}", remedy)


def precision_of(model: Any) -> str:
    """The type of most parameters, as people say it."""
    names = {"float32": "fp32", "float16": "fp16", "bfloat16": "bf16", "float64": "fp64"}
    counts: Dict[str, int] = {}
    for p in model.parameters():
        name = str(p.dtype).replace("torch.", "")
        counts[name] = counts.get(name, 0) + p.numel()
    if not counts:
        return ""
    most = max(counts, key=lambda k: counts[k])
    return names.get(most, most)


def rests(fraction: float, seed: int) -> Callable[[float], float]:
    """Gives a function: latency in s to a random rest in s, uniform up to fraction of the latency."""
    generator = random.Random(seed)
    return lambda latency_s: generator.random() * fraction * latency_s
