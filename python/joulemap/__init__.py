"""Where the energy of AI inference goes: measured per device, region and layer, with intervals.

    import joulemap

    print(joulemap.sensors())
    with joulemap.Recording() as rec:
        with rec.region("decode"):
            ...
    print(rec.report())

joulemap.torch.profile(model, inputs) splits the energy of a PyTorch model over its layers. What is estimated is
marked as such; what is unknown is None, with the reason beside it."""

from joulemap import span_kind
from joulemap.comparison import Comparison, Figure, Variant, compare
from joulemap.errors import (
    AlreadyExistsError,
    DeniedError,
    FormatError,
    InvalidError,
    JoulemapError,
    LibraryError,
    NotFoundError,
    UnsupportedError,
)
from joulemap.events import send_power_measure_event, send_power_stop_event
from joulemap.items import Items
from joulemap.recording import Recording, Region, Span
from joulemap.report import Channel, Closure, Ledger, Report, Row, Total, open_report
from joulemap._sensors import ChannelInfo, DriverInfo, Sensors, sensors

__version__ = "0.1.0"

__all__ = [
    "AlreadyExistsError",
    "Channel",
    "ChannelInfo",
    "Closure",
    "Comparison",
    "DeniedError",
    "DriverInfo",
    "Figure",
    "FormatError",
    "InvalidError",
    "Items",
    "JoulemapError",
    "Ledger",
    "LibraryError",
    "NotFoundError",
    "Recording",
    "Region",
    "Report",
    "Row",
    "Sensors",
    "Span",
    "Total",
    "UnsupportedError",
    "Variant",
    "compare",
    "open_report",
    "send_power_measure_event",
    "send_power_stop_event",
    "sensors",
    "span_kind",
]
