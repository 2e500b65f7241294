"""Kinds and flags of spans, for Recording.add."""

from joulemap._abi import (
    COPY,
    ISOLATED,
    ITERATION,
    KERNEL,
    LAYER,
    PHASE,
    PROFILED,
    RANGE,
    REGION,
    REQUEST,
    WARMUP,
)

__all__ = [
    "COPY",
    "ISOLATED",
    "ITERATION",
    "KERNEL",
    "LAYER",
    "PHASE",
    "PROFILED",
    "RANGE",
    "REGION",
    "REQUEST",
    "WARMUP",
]
