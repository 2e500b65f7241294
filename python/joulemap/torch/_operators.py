"""Which operator of ONNX a module executes, and on what: the text that a recording keeps of it (docs/recording-format.md, `shape`).

A module whose forward calls one computing operator, whatever views and copies it makes besides, is that operator: layers of a network
are compared and predicted by their operators, not by the names of Python classes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Callable, Dict, List, Optional, Sequence, Set, Tuple

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from joulemap.torch._inputs import tensors
from joulemap.torch._modules import Unit
from joulemap.torch._op_cost import ATTENTION, cost_of, name_of

Pair = Tuple[int, int]
Shaped = Tuple[str, Tuple[int, ...]]  # element type, dimensions

_TYPES = {
    torch.float32: "fp32",
    torch.float64: "fp64",
    torch.float16: "fp16",
    torch.bfloat16: "bf16",
    torch.int8: "int8",
    torch.uint8: "uint8",
    torch.int16: "int16",
    torch.int32: "int32",
    torch.int64: "int64",
    torch.bool: "bool",
}


def _shaped(t: Any) -> Shaped:
    return _TYPES.get(t.dtype, str(t.dtype).replace("torch.", "")), tuple(int(n) for n in t.shape)


@dataclass
class Operator:
    """kernel and so on: of height and width; padding of both sides together. () where the operator has no window."""

    type: str
    inputs: List[Shaped]
    outputs: List[Shaped]
    kernel: Tuple[int, ...] = ()
    stride: Tuple[int, ...] = (1, 1)
    padding: Tuple[int, ...] = (0, 0)
    dilation: Tuple[int, ...] = (1, 1)
    groups: int = 1

    def __str__(self) -> str:
        def pair(name: str, values: Tuple[int, ...]) -> str:
            return f"{name}={','.join(map(str, values))}"

        def operands(found: List[Shaped]) -> str:
            return " ".join(f"{kind}[{','.join(map(str, dims))}]" for kind, dims in found)

        window = ""
        if len(self.kernel) == 2:
            pairs = (("kernel", self.kernel), ("stride", self.stride), ("padding", self.padding), ("dilation", self.dilation))
            window = " ".join([pair(name, values) for name, values in pairs] + [f"groups={self.groups}"])
        return f"{self.type}({window}) {operands(self.inputs)} -> {operands(self.outputs)}"


def _pair(value: Any) -> Tuple[int, ...]:
    values = [int(v) for v in value] if isinstance(value, (tuple, list)) else [int(value)]
    return tuple(values * 2 if len(values) == 1 else values)


def _both_sides(value: Any) -> Tuple[int, ...]:
    return tuple(2 * p for p in _pair(value))


def _at(arguments: Sequence[Any], i: int, default: Any) -> Any:
    return arguments[i] if i < len(arguments) and arguments[i] not in (None, []) else default


def _convolution(a: Any, y: Any) -> Optional[Operator]:
    given = [_shaped(t) for t in a[:3] if t is not None]
    if a[6]:
        return Operator("ConvTranspose", given, [_shaped(y)])
    kernel = tuple(int(n) for n in a[1].shape[2:])
    return Operator("Conv", given, [_shaped(y)], kernel, _pair(a[3]), _both_sides(a[4]), _pair(a[5]), int(a[8]))


def _pool(type_: str, has_dilation: bool) -> Callable[[Any, Any], Optional[Operator]]:
    def make(a: Any, y: Any) -> Optional[Operator]:
        kernel = _pair(a[1])
        stride, padding = _pair(_at(a, 2, a[1])), _both_sides(_at(a, 3, 0))
        dilation = _pair(_at(a, 4, 1)) if has_dilation else (1, 1)
        return Operator(type_, [_shaped(a[0])], [_shaped(y)], kernel, stride, padding, dilation)

    return make


def _adaptive(kind: str) -> Callable[[Any, Any], Optional[Operator]]:
    def make(a: Any, y: Any) -> Optional[Operator]:
        before, after = a[0].shape[-2:], y.shape[-2:]
        if tuple(after) == (1, 1):
            return Operator(f"Global{kind}Pool", [_shaped(a[0])], [_shaped(y)])
        if any(b % n for b, n in zip(before, after)):
            return None  # windows of several sizes
        window = tuple(int(b // n) for b, n in zip(before, after))
        return Operator(f"{kind}Pool", [_shaped(a[0])], [_shaped(y)], window, window)

    return make


def _mean(a: Any, y: Any) -> Optional[Operator]:
    """Over height and width, dimensions kept, it is the pooling that adaptive ones become."""
    dims = {int(d) % a[0].dim() for d in _at(a, 1, ())}
    if a[0].dim() == 4 and dims == {2, 3} and y.dim() == 4:
        return Operator("GlobalAveragePool", [_shaped(a[0])], [_shaped(y)])
    return Operator("ReduceMean", [_shaped(a[0])], [_shaped(y)])


def _first(type_: str) -> Callable[[Any, Any], Optional[Operator]]:
    return lambda a, y: Operator(type_, [_shaped(a[0])], [_shaped(y)])


def _all(type_: str) -> Callable[[Any, Any], Optional[Operator]]:
    return lambda a, y: Operator(type_, [_shaped(t) for t in tensors(list(a))], [_shaped(y)])


def _of_bias(type_: str) -> Callable[[Any, Any], Optional[Operator]]:
    """ATen has the bias first, ONNX last."""
    return lambda a, y: Operator(type_, [_shaped(a[1]), _shaped(a[2]), _shaped(a[0])], [_shaped(y)])


def _attention(a: Any, y: Any) -> Optional[Operator]:
    def merged(t: Any) -> Shaped:  # [batch, heads, length, width] to [batch, length, heads x width]
        kind, dims = _shaped(t)
        return kind, (dims[0], dims[2], dims[1] * dims[3])

    if any(t.dim() != 4 for t in (*a[:3], y)):
        return None
    return Operator("MultiHeadAttention", [merged(t) for t in a[:3]], [merged(y)])


# ATen's operators, by what ONNX calls them.
_MAKE: Dict[str, Callable[[Any, Any], Optional[Operator]]] = {
    "convolution": _convolution,
    "max_pool2d_with_indices": _pool("MaxPool", True),
    "avg_pool2d": _pool("AveragePool", False),
    "_adaptive_avg_pool2d": _adaptive("Average"),
    "adaptive_max_pool2d": _adaptive("Max"),
    "mean": _mean,
    "embedding": _all("Gather"),
    **dict.fromkeys(("addmm", "_addmm_activation"), _of_bias("Gemm")),
    "baddbmm": _of_bias("MatMul"),
    **{name: _all(made) for name, made in {"linear": "Gemm", "mm": "Gemm", "bmm": "MatMul"}.items()},
    **dict.fromkeys(ATTENTION, _attention),
    **{
        name: _first(made)
        for name, made in {
            "_softmax": "Softmax",
            "_safe_softmax": "Softmax",
            "_log_softmax": "LogSoftmax",
            "native_layer_norm": "LayerNormalization",
            "native_group_norm": "GroupNormalization",
            "_fused_rms_norm": "RMSNormalization",
            **dict.fromkeys(
                (
                    "native_batch_norm",
                    "_native_batch_norm_legit",
                    "_native_batch_norm_legit_no_training",
                    "_batch_norm_with_update",
                    "cudnn_batch_norm",
                ),
                "BatchNormalization",
            ),
            "relu": "Relu",
            "leaky_relu": "LeakyRelu",
            "hardtanh": "Clip",
            "clamp": "Clip",
            "elu": "Elu",
            "gelu": "Gelu",
            "silu": "Swish",
            "mish": "Mish",
            "sigmoid": "Sigmoid",
            "hardsigmoid": "HardSigmoid",
            "hardswish": "HardSwish",
            "softplus": "Softplus",
            "tanh": "Tanh",
            "erf": "Erf",
            "exp": "Exp",
            "sqrt": "Sqrt",
            "upsample_nearest2d": "Resize",
            "upsample_bilinear2d": "Resize",
        }.items()
    },
    **{
        name: _all(made)
        for name, made in {
            "add": "Add",
            "sub": "Sub",
            "mul": "Mul",
            "div": "Div",
            "pow": "Pow",
            "where": "Where",
            "prelu": "PRelu",
            "_prelu_kernel": "PRelu",
        }.items()
    },
}


@dataclass
class Executed:
    """One computing operator of a module: how to call it again, and what it is. operator: None: of no kind that is known."""

    function: Any
    arguments: Tuple[Any, ...]
    named: Dict[str, Any]
    operator: Optional[Operator]


@dataclass
class _Work:
    """What a module did itself, outside its children, in the call under way. texts: of its calls so far."""

    executed: List[Executed] = field(default_factory=list)
    texts: Set[str] = field(default_factory=set)


def _described(function: Any, arguments: Any, result: Any) -> Optional[Operator]:
    make = _MAKE.get(name_of(function))
    first = next(tensors([result]), None)
    try:
        return make(arguments, first) if make is not None and first is not None else None
    except (IndexError, TypeError, AttributeError):  # another signature than that of the versions known
        return None


def _functional(function: Any) -> Any:
    """add for add_: repeated on one tensor, add_ would run into infinities, whose power is not that of numbers."""
    name = str(getattr(function, "overloadpacket", function).__name__)
    if not name.endswith("_") or name.endswith("__"):
        return function
    packet = getattr(torch.ops.aten, name[:-1], None)
    return getattr(packet, function._overloadname, function) if packet is not None else function


class _Watch(TorchDispatchMode):  # type: ignore[misc]
    """Sees every operator below autograd and charges it to the module at work. keep: those of whom arguments are kept."""

    def __init__(self, works: Dict[int, _Work], keep: Set[int]) -> None:
        super().__init__()
        self.works, self.keep, self.stack = works, keep, [-1]

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        i = self.stack[-1]
        if i in self.works:
            cost = cost_of(func, args, kwargs, result)
            if cost.flops != 0 or name_of(func) == "embedding":
                kept: Tuple[Tuple[Any, ...], Dict[str, Any]] = (tuple(args), dict(kwargs)) if i in self.keep else ((), {})
                self.works[i].executed.append(Executed(_functional(func), *kept, _described(func, args, result)))
        return result


def _text_of(work: _Work, taken: Sequence[Any], given: Any) -> str:
    """Of one call; empty: not one operator. A product of a flattened tensor is described by the module's own shapes."""
    if len(work.executed) != 1 or work.executed[0].operator is None:
        return ""
    found = work.executed[0].operator
    first, last = next(tensors(list(taken)), None), list(tensors([given]))
    if found.type == "Gemm" and first is not None and len(last) == 1:
        kinds = [found.inputs[0], found.outputs[0]]
        if all(t.numel() == _count(k[1]) and t.shape[-1:] == k[1][-1:] for t, k in zip((first, last[0]), kinds)):
            found.inputs[0], found.outputs[0] = _shaped(first), _shaped(last[0])
    return str(found)


def _count(dims: Tuple[int, ...]) -> int:
    n = 1
    for d in dims:
        n *= d
    return n


def _watch(
    units: Sequence[Unit],
    chosen: Sequence[int],
    run: Callable[[], Any],
    at_end: Callable[[int, _Work, Any, Any], None],
    keep: bool,
) -> None:
    """Runs the model once; at_end(unit, its work, inputs, result) at the end of every call of a chosen unit."""
    watch = _Watch({i: _Work() for i in chosen}, set(chosen) if keep else set())
    handles = []

    def begin(i: int) -> Callable[..., None]:
        def hook(_module: Any, _args: Any) -> None:
            watch.stack.append(i)
            if i in watch.works:
                watch.works[i].executed = []

        return hook

    def end(i: int) -> Callable[..., None]:
        def hook(_module: Any, args: Any, result: Any) -> None:
            if i in watch.stack:
                while watch.stack.pop() != i:
                    pass
            if i in watch.works:
                at_end(i, watch.works[i], args, result)

        return hook

    try:
        for i, unit in enumerate(units):
            try:
                handles.append(unit.module.register_forward_pre_hook(begin(i)))
                handles.append(unit.module.register_forward_hook(end(i)))
            except (RuntimeError, AttributeError):
                pass  # a scripted module: what it does is of whom it stands in
        with torch.inference_mode(False), torch.no_grad(), watch:
            run()
    finally:
        for handle in handles:
            handle.remove()


def find(units: Sequence[Unit], chosen: Sequence[int], run: Callable[[], Any]) -> Dict[int, str]:
    """Gives what each chosen module executes, of those that execute one operator, on the same shapes in every call. run: calls the
    model once. Where operators cannot be watched there are none: nothing depends on them but the model of what was measured."""
    texts: Dict[int, Set[str]] = {i: set() for i in chosen}

    def at_end(i: int, work: _Work, taken: Any, given: Any) -> None:
        texts[i].add(_text_of(work, taken, given))

    try:
        _watch(units, chosen, run, at_end, keep=False)
    except (RuntimeError, NotImplementedError, TypeError):
        return {}
    return {i: next(iter(found)) for i, found in texts.items() if len(found) == 1 and "" not in found}


def capture(units: Sequence[Unit], chosen: Sequence[int], run: Callable[[], Any], calls_max: int) -> Dict[int, List[Executed]]:
    """Gives the one operator that a container executes itself, with its arguments, of its first calls: it can be called alone,
    which the container cannot."""
    found: Dict[int, List[Executed]] = {i: [] for i in chosen}

    def at_end(i: int, work: _Work, taken: Any, given: Any) -> None:
        if len(work.executed) == 1 and work.executed[0].operator is not None and len(found[i]) < calls_max:
            found[i].append(work.executed[0])

    if chosen:
        _watch(units, chosen, run, at_end, keep=True)
    return {i: calls for i, calls in found.items() if calls}
