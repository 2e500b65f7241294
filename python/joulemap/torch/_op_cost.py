"""What one ATen operator computes: MACs, FLOPs, bytes. The conventions are those of `joulemap model` (docs/model-complexity.md)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, Dict, List, Optional

from joulemap.torch._inputs import tensors


@dataclass
class Cost:
    """macs, flops: None: not known how to count it."""

    macs: Optional[int]
    flops: Optional[int]
    moved_bytes: int
    result_bytes: int


def _product(numbers: Any) -> int:
    out = 1
    for n in numbers:
        out *= int(n)
    return out


def _convolution(a: Any, y: Any) -> int:
    x, w, is_transposed = a[0], a[1], bool(a[6]) if len(a) > 6 else False
    return int((x if is_transposed else y).numel()) * _product(w.shape[1:])


def _of_first(a: Any, y: Any) -> int:
    return int(y.numel()) * int(a[0].shape[-1])


def _of_second(a: Any, y: Any) -> int:
    return int(y.numel()) * int(a[1].shape[-1])


def _attention(a: Any, y: Any) -> int:
    q, k, v = a[:3]  # batch, heads, length, width
    return _product(q.shape[:-1]) * int(k.shape[-2]) * (int(q.shape[-1]) + int(v.shape[-1]))


def _mkldnn_rnn(a: Any, y: Any) -> int:
    steps = _product(a[0].shape[:-1])  # one layer, one direction: weights of input and state, each used every step
    return steps * (int(a[1].numel()) + int(a[2].numel()))


# What scaled_dot_product_attention becomes, by device and version.
ATTENTION = (
    "_scaled_dot_product_flash_attention",
    "_scaled_dot_product_flash_attention_for_cpu",
    "_scaled_dot_product_efficient_attention",
    "_scaled_dot_product_cudnn_attention",
    "_scaled_dot_product_fused_attention_overrideable",
)

_MACS: Dict[str, Callable[[Any, Any], int]] = {
    **dict.fromkeys(("convolution", "_convolution", "cudnn_convolution", "mkldnn_convolution"), _convolution),
    **dict.fromkeys(("mm", "bmm", "mv", "dot", "vdot", "linear", "_int_mm"), _of_first),
    **dict.fromkeys(("addmm", "addbmm", "baddbmm", "addmv", "_addmm_activation"), _of_second),
    **dict.fromkeys(ATTENTION, _attention),
    "mkldnn_rnn_layer": _mkldnn_rnn,
}


def _each(cost: int, names: str) -> Dict[str, int]:
    return dict.fromkeys(names.split(), cost)


# Operations by element of the first result, as in src/model/op_cost.c; silu is a sigmoid and a product.
_OUT = {
    **_each(
        1,
        "add sub rsub mul div pow remainder fmod minimum maximum neg abs sqrt rsqrt reciprocal exp expm1 log log1p erf sin cos "
        "tanh sigmoid relu leaky_relu prelu _prelu_kernel clamp clamp_min clamp_max hardtanh elu celu floor ceil round trunc sign "
        "logical_not logical_and logical_or logical_xor bitwise_not bitwise_and bitwise_or eq ne gt ge lt le where isnan isinf "
        "masked_fill cumsum square",
    ),
    **_each(2, "softplus native_batch_norm _native_batch_norm_legit _native_batch_norm_legit_no_training cudnn_batch_norm "
               "_batch_norm_with_update addcmul addcdiv silu lerp"),
    **_each(3, "hardsigmoid"),
    **_each(4, "hardswish mish _fused_rms_norm"),
    **_each(5, "gelu _softmax _safe_softmax"),
    **_each(6, "_log_softmax"),
    **_each(7, "native_layer_norm native_group_norm upsample_nearest1d upsample_nearest2d upsample_nearest3d upsample_bilinear2d "
               "upsample_bicubic2d upsample_trilinear3d _upsample_bilinear2d_aa"),
}
# By element of the first operand.
_IN = {
    **_each(
        1,
        "max_pool1d max_pool2d_with_indices max_pool3d_with_indices avg_pool2d avg_pool3d _adaptive_avg_pool2d _adaptive_avg_pool3d "
        "adaptive_max_pool2d mean sum max min amax amin prod argmax argmin topk sort any all",
    ),
    **_each(2, "norm linalg_vector_norm"),
    **_each(3, "var var_mean std std_mean"),
}
# They move what they give, not the whole table.
_LOOKUP = set("embedding gather index index_select take".split())
# Copies, and what makes new tensors: moved, no arithmetic.
_MOVE = set(
    "clone contiguous copy cat stack constant_pad_nd pad reflection_pad2d replication_pad2d _to_copy to repeat roll flip tril triu "
    "scatter scatter_add index_put slice_scatter select_scatter repeat_interleave one_hot nonzero bernoulli native_dropout arange "
    "zeros zeros_like ones ones_like full full_like empty empty_like empty_strided new_zeros new_ones new_empty new_full "
    "new_empty_strided fill zero scalar_tensor rand rand_like randn randn_like uniform normal pixel_shuffle channel_shuffle "
    "lift lift_fresh lift_fresh_copy im2col split_with_sizes_copy".split()
)
# Views that the schema does not call so, and questions.
_NOTHING = set(
    "_unsafe_view _reshape_alias unsafe_split unsafe_split_with_sizes unsafe_chunk detach alias _local_scalar_dense is_same_size "
    "sym_size sym_stride sym_numel item equal".split()
)


def name_of(operator: Any) -> str:
    """ "aten.add_.Tensor" is add."""
    name = str(operator.overloadpacket.__name__ if hasattr(operator, "overloadpacket") else operator).split(".")[-1]
    return name[:-1] if name.endswith("_") and not name.startswith("__") else name


def _is_view(operator: Any) -> bool:
    """Its result is another look at an operand, as the schema says."""
    returns = operator._schema.returns
    return bool(returns) and all(r.alias_info is not None and not r.alias_info.is_write for r in returns)


def _bytes(values: List[Any]) -> int:
    seen = {id(t): t.numel() * t.element_size() for t in values}
    return sum(seen.values())


def cost_of(operator: Any, arguments: Any, named: Any, result: Any) -> Cost:
    """Gives the cost of one call."""
    name = name_of(operator)
    if _is_view(operator) or name in _NOTHING:
        return Cost(0, 0, 0, 0)
    outs = list(tensors(result))
    first = outs[0] if outs else None
    result_bytes = _bytes(outs)
    moved = _bytes(list(tensors([list(arguments), dict(named)])) + outs)
    if name in _LOOKUP:
        return Cost(0, 0, 2 * result_bytes, result_bytes)
    if name in _MACS and first is not None:
        macs = _MACS[name](arguments, first)
        return Cost(macs, 2 * macs, moved, result_bytes)
    if name in _OUT and first is not None:
        return Cost(0, _OUT[name] * int(first.numel()), moved, result_bytes)
    if name in _IN:
        operand = next(tensors(list(arguments)), None)
        return Cost(0, _IN[name] * (int(operand.numel()) if operand is not None else 0), moved, result_bytes)
    if name in _MOVE:
        return Cost(0, 0, moved, result_bytes)
    return Cost(None, None, moved, result_bytes)
