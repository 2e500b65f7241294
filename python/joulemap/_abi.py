"""The C interface as ctypes sees it: structures and prototypes of include/joulemap/ that the package uses.

tests/python/test_abi.py holds every structure against the headers with the C compiler."""

from __future__ import annotations

import ctypes as c
from typing import Any, Dict, List, Tuple

VERSION = (0, 1, 0)

NO_ITERATION = 0xFFFFFFFF
KINDS = ("phase", "iteration", "layer", "kernel", "copy", "range", "region", "request")
PHASE, ITERATION, LAYER, KERNEL, COPY, RANGE, REGION, REQUEST = range(len(KINDS))
PROFILED, ISOLATED, WARMUP = 1, 2, 4


class Error(c.Structure):
    _fields_ = [("code", c.c_int), ("message", c.c_char * 384), ("remedy", c.c_char * 384)]


class DriverInfo(c.Structure):
    _fields_ = [
        ("name", c.c_char_p),
        ("summary", c.c_char_p),
        ("argument_help", c.c_char_p),
        ("n_channels", c.c_size_t),
        ("reason", c.c_char_p),
        ("remedy", c.c_char_p),
    ]


class ChannelInfo(c.Structure):
    _fields_ = [
        ("name", c.c_char_p),
        ("label", c.c_char_p),
        ("driver", c.c_char_p),
        ("quantity", c.c_char_p),
        ("unit", c.c_char_p),
        ("kind", c.c_char_p),
        ("state", c.c_char_p),
        ("domain", c.c_char_p),
        ("part_of", c.c_char_p),
        ("same_as", c.c_char_p),
        ("step", c.c_uint64),
        ("wrap", c.c_uint64),
        ("update_period_ns", c.c_int64),
        ("window_ns", c.c_int64),
        ("lowpass_ns", c.c_int64),
        ("lag_ns", c.c_int64),
        ("accuracy_fraction", c.c_double),
        ("is_default", c.c_bool),
        ("reason", c.c_char_p),
        ("remedy", c.c_char_p),
    ]


class RecordOptions(c.Structure):
    _fields_ = [
        ("size", c.c_size_t),
        ("path", c.c_char_p),
        ("overwrite", c.c_bool),
        ("sensors", c.c_char_p),
        ("period_ns", c.c_int64),
        ("kind", c.c_char_p),
        ("command", c.c_char_p),
        ("is_oversampled", c.c_bool),
        ("may_lack_sensors", c.c_bool),
        ("processes", c.c_char_p),
        ("process_period_ns", c.c_int64),
    ]


class TimedSpan(c.Structure):
    _fields_ = [
        ("start_ns", c.c_int64),
        ("end_ns", c.c_int64),
        ("name_id", c.c_uint32),
        ("iteration", c.c_uint32),
        ("kind", c.c_uint32),
        ("flags", c.c_uint32),
    ]


class ReportOptions(c.Structure):
    _fields_ = [
        ("size", c.c_size_t),
        ("method", c.c_char_p),
        ("baseline", c.c_char_p),
        ("with_iterations", c.c_bool),
        ("window", c.c_char_p),
        ("by", c.c_char_p),
        ("with_timeline", c.c_bool),
        ("weigh", c.c_char_p),
        ("with_scene", c.c_bool),
    ]


class ViewOptions(c.Structure):
    _fields_ = [
        ("size", c.c_size_t),
        ("format", c.c_char_p),
        ("by", c.c_char_p),
        ("sort", c.c_char_p),
        ("limit", c.c_size_t),
        ("is_colour", c.c_bool),
        ("width", c.c_int),
        ("with_work", c.c_bool),
        ("carbon", c.c_char_p),
        ("price", c.c_char_p),
    ]


class CompareOptions(c.Structure):
    _fields_ = [
        ("size", c.c_size_t),
        ("channels", c.c_char_p),
        ("method", c.c_char_p),
        ("with_layers", c.c_bool),
        ("seed", c.c_uint64),
        ("first", c.c_char_p),
    ]


STRUCTS: Dict[str, Any] = {
    "jm_error": Error,
    "jm_driver_info": DriverInfo,
    "jm_channel_info": ChannelInfo,
    "jm_record_options": RecordOptions,
    "jm_timed_span": TimedSpan,
    "jm_report_options": ReportOptions,
    "jm_view_options": ViewOptions,
    "jm_compare_options": CompareOptions,
}

WRITE_FN = c.CFUNCTYPE(c.c_int, c.c_void_p, c.c_void_p, c.c_size_t)

_ERR = c.POINTER(Error)
_OUT = c.POINTER(c.c_void_p)

# name: (result, arguments)
PROTOTYPES: Dict[str, Tuple[Any, List[Any]]] = {
    "jm_version": (c.c_char_p, []),
    "jm_error_text": (c.c_char_p, [c.c_int]),
    "jm_now_ns": (c.c_int64, []),
    "jm_sensors_probe": (c.c_int, [c.c_char_p, _OUT, _ERR]),
    "jm_sensors_n_drivers": (c.c_size_t, [c.c_void_p]),
    "jm_sensors_n_channels": (c.c_size_t, [c.c_void_p]),
    "jm_sensors_driver": (c.c_int, [c.c_void_p, c.c_size_t, c.POINTER(DriverInfo)]),
    "jm_sensors_channel": (c.c_int, [c.c_void_p, c.c_size_t, c.POINTER(ChannelInfo)]),
    "jm_sensors_destroy": (None, [c.c_void_p]),
    "jm_recorder_start": (c.c_int, [c.POINTER(RecordOptions), _OUT, _ERR]),
    "jm_recorder_stop": (c.c_int, [c.c_void_p, _ERR]),
    "jm_recorder_destroy": (None, [c.c_void_p]),
    "jm_recorder_warning": (c.c_char_p, [c.c_void_p, c.c_size_t]),
    "jm_recorder_status": (c.c_int, [c.c_void_p, _ERR]),
    "jm_recorder_meta": (c.c_int, [c.c_void_p, c.c_char_p, c.c_char_p]),
    "jm_recorder_window": (c.c_int, [c.c_void_p, c.c_int64, c.c_int64]),
    "jm_track_open": (c.c_int, [c.c_void_p, c.c_char_p, _OUT, _ERR]),
    "jm_span_name": (c.c_int, [c.c_void_p, c.c_char_p, c.c_char_p, c.POINTER(c.c_uint32)]),
    "jm_span_shapes": (c.c_int, [c.c_void_p, c.c_uint32, c.c_char_p, _ERR]),
    "jm_spans_add": (c.c_int, [c.c_void_p, c.c_void_p, c.POINTER(TimedSpan), c.c_size_t, _ERR]),
    "jm_report_open": (c.c_int, [c.c_char_p, c.POINTER(ReportOptions), _OUT, _ERR]),
    "jm_report_write": (c.c_int, [c.c_void_p, c.POINTER(ViewOptions), WRITE_FN, c.c_void_p, _ERR]),
    "jm_report_destroy": (None, [c.c_void_p]),
    "jm_report_compare_methods": (
        c.c_int,
        [c.c_char_p, c.POINTER(ReportOptions), c.POINTER(ViewOptions), WRITE_FN, c.c_void_p, _ERR],
    ),
    "jm_comparison_open": (
        c.c_int,
        [c.POINTER(c.c_char_p), c.c_size_t, c.POINTER(CompareOptions), _OUT, _ERR],
    ),
    "jm_comparison_write": (c.c_int, [c.c_void_p, c.POINTER(ViewOptions), WRITE_FN, c.c_void_p, _ERR]),
    "jm_comparison_destroy": (None, [c.c_void_p]),
}

# Short ones, called with Python's lock held: giving it up would cost more than the call.
HOT_PROTOTYPES: Dict[str, Tuple[Any, List[Any]]] = {
    "jm_span_begin": (None, [c.c_void_p, c.c_uint32]),
    "jm_span_end": (None, [c.c_void_p]),
}
