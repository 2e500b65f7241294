"""The call names of an older notebook for DistilBERT's energy, over joulemap: PowerLogger, LayerEnergyProfiler and
profile_all_layers, with its result keys and CSV columns.

    from joulemap.compat import LayerEnergyProfiler, PowerLogger, compute_energy_metrics, profile_all_layers

The names are the old ones, the figures are not: readings are taken on time and have times of their own; energy is
integrated over the exact window instead of a mean multiplied by a time; a layer's energy is its own, not that of the
network up to it; what is unknown is None and is never filled in; what is estimated is marked, in "state"."""

from __future__ import annotations

import csv
import sqlite3
import statistics
import time
from typing import Any, Dict, List, Optional, Sequence, Tuple

from joulemap.errors import InvalidError, JoulemapError
from joulemap.recording import Recording
from joulemap.report import Channel, Report

LAYER_COLUMNS = (
    "layer_name",
    "layer_idx",
    "avg_power_w",
    "total_time_s",
    "energy_total_j",
    "energy_per_inference_mj",
    "num_loops",
    "latency_per_loop_ms",
    "num_power_samples",
    "energy_pct",
)
STATISTICS = ("mean", "std", "min", "max", "median")


def _power_samples(path: str, channel: str) -> List[Tuple[int, float]]:
    """(time in ns, W): of a power channel its readings, of an energy counter the mean power between two."""
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as db:
        rows = db.execute(
            "SELECT c.quantity, s.t_ns, s.value * c.si_factor FROM sample AS s JOIN channel AS c ON c.id = s.channel "
            "WHERE c.name = ? AND s.value IS NOT NULL ORDER BY s.t_ns",
            (channel,),
        ).fetchall()
    if rows and rows[0][0] == "energy":
        pairs = zip(rows, rows[1:])
        # A counter that wrapped or was reset says nothing of that interval.
        return [(b[1], (b[2] - a[2]) / ((b[1] - a[1]) * 1e-9)) for a, b in pairs if b[1] > a[1] and b[2] > a[2]]
    return [(t, w) for _, t, w in rows]


class PowerLogger:
    """Samples one GPU while the program runs; without an NVIDIA GPU the machine's default sensor, or an estimate
    (`state`).

    start(); ...; samples = stop() gives power in W. Besides: report (of joulemap), energy_j, energy_ci_j, times_s."""

    def __init__(
        self,
        gpu_id: int = 0,
        poll_interval_ms: int = 100,
        sample_interval_ms: Optional[int] = None,
        verbose: bool = False,
        sensors: Optional[str] = None,
    ) -> None:
        self.gpu_id, self.verbose = gpu_id, verbose
        self.poll_interval_ms = sample_interval_ms if sample_interval_ms is not None else poll_interval_ms
        if self.poll_interval_ms <= 0:
            raise InvalidError(f"a reading each {self.poll_interval_ms} ms cannot be", "100, say")
        self._sensors = sensors
        self._recording: Optional[Recording] = None
        self.samples: List[float] = []
        self.times_s: List[float] = []  # since start()
        self.report: Optional[Report] = None
        self.channel: Optional[Channel] = None

    def start(self) -> None:
        """Raises JoulemapError when it runs already, NotFoundError where nothing can be measured."""
        if self._recording is not None and self._recording.is_running:
            raise JoulemapError("this logger runs already", "stop() it first")
        self.samples, self.times_s, self.report, self.channel = [], [], None, None
        self._recording = Recording(sensors=self._sensors, period=self.poll_interval_ms * 1e-3)
        self._recording.start()
        self._started_ns = time.monotonic_ns()

    def stop(self) -> List[float]:
        """Gives the power samples, W; those that did not come are missing, see report.ledger."""
        if self._recording is None:
            raise JoulemapError("this logger was not started", "start() it first")
        if self._recording.is_running:
            self._recording.stop()
            self.report = self._recording.report(method="auto", by="channel")
            self.channel = self._find_channel(self.report)
            if self.channel is None:
                return []  # report.warnings say why
            found = _power_samples(str(self._recording.path), self.channel.name)
            self.samples = [w for _, w in found]
            self.times_s = [(t - self._started_ns) * 1e-9 for t, _ in found]
            if self.verbose and self.channel.ledger is not None:
                ledger = self.channel.ledger
                print(f"{self.channel.name}: {ledger.taken} of {ledger.expected} readings, {self.channel.state}")
        return list(self.samples)

    def _find_channel(self, report: Report) -> Optional[Channel]:
        usable = [x for x in report.channels if x.counts]
        mine = [x for x in usable if x.name.startswith(f"nvml/gpu{self.gpu_id}/")]
        candidates = mine or usable
        return candidates[0] if candidates else None

    def read(self) -> List[float]:
        """The samples of the last run."""
        return list(self.samples)

    @property
    def energy_j(self) -> Optional[float]:
        """Energy from start() to stop(), integrated over the readings; the mean power times the time is another
        thing."""
        return self.channel.energy_j if self.channel is not None else None

    @property
    def energy_ci_j(self) -> Optional[Tuple[float, float]]:
        return self.channel.energy_ci_j if self.channel is not None else None

    @property
    def state(self) -> str:
        return self.channel.state if self.channel is not None else "unavailable"

    def get_statistics(self) -> Dict[str, Any]:
        """mean, std (population), min, max, median in W; None without samples; num_samples, sample_interval_ms."""
        p = self.samples
        values = (statistics.mean(p), statistics.pstdev(p), min(p), max(p), statistics.median(p)) if p else (None,) * 5
        result: Dict[str, Any] = dict(zip(STATISTICS, values))
        result.update({"num_samples": len(p), "sample_interval_ms": self.poll_interval_ms})
        return result


def compute_energy_metrics(
    power_samples: Sequence[float], total_time: float, num_inferences: int, energy_j: Optional[float] = None
) -> Dict[str, Any]:
    """The old result keys. energy_j: PowerLogger.energy_j of a logger that ran over just total_time; without it
    energy is the mean of the samples times the time, as it used to be, and "energy_method" says so."""
    if not power_samples:
        raise InvalidError("there are no power samples, so there is no energy", "see PowerLogger.report.warnings")
    mean = statistics.mean(power_samples)
    energy = energy_j if energy_j is not None else mean * total_time
    each = energy / num_inferences
    return {
        "avg_power_w": mean,
        "std_power_w": statistics.pstdev(power_samples),
        "energy_total_j": energy,
        "energy_per_inference_j": each,
        "energy_per_inference_mj": each * 1000,
        "latency_per_sample_s": total_time / num_inferences,
        "latency_per_sample_ms": total_time / num_inferences * 1000,
        "throughput_samples_s": num_inferences / total_time,
        "total_time_s": total_time,
        "num_inferences": num_inferences,
        "num_power_samples": len(power_samples),
        "energy_method": "integrated" if energy_j is not None else "mean power times time",
    }


def _parts_of(model: Any) -> List[Tuple[str, str]]:
    """(old name, module name): of DistilBERT its nine parts, of other models its children."""
    names = {name for name, _ in model.named_modules()}
    found: List[Tuple[str, str]] = []
    for prefix in ("distilbert.", ""):
        if f"{prefix}embeddings" in names:
            found.append(("embeddings", f"{prefix}embeddings"))
            break
    for prefix in ("distilbert.transformer.layer.", "transformer.layer.", "layer."):
        if f"{prefix}0" in names and found:
            i = 0
            while f"{prefix}{i}" in names:
                found.append((f"transformer_block_{i}", f"{prefix}{i}"))
                i += 1
            break
    found += [(head, head) for head in ("pre_classifier", "classifier") if head in names]
    if len(found) > 2:
        return found
    return [(name, name) for name, _ in model.named_children()]


class LayerEnergyProfiler:
    """Energy of the parts of a model: of DistilBERT embeddings, transformer blocks, pre_classifier, classifier."""

    def __init__(self, model: Any, device: Any = None, gpu_id: int = 0, sensors: Optional[str] = None) -> None:
        self.model, self.device, self.gpu_id, self._sensors = model, device, gpu_id, sensors
        self.layers = _parts_of(model)
        self.profile: Optional[Any] = None

    def profile_all_layers(
        self,
        input_ids: Any,
        attention_mask: Any = None,
        batch_size: int = 16,
        num_loops: int = 100,
        warmup: int = 10,
        isolate: bool = True,
    ) -> List[Dict[str, Any]]:
        """Measures num_loops inferences of the first batch_size inputs. Gives a dict a layer: the old keys, and
        energy_ci_mj (of an inference), energy_per_sample_mj, method, state, resolvable, reason. An inference is a
        batch, as it used to be."""
        import joulemap.torch

        if batch_size < 1 or batch_size > len(input_ids):
            raise InvalidError(f"{len(input_ids)} inputs make no batch of {batch_size}", "a smaller batch_size")
        inputs: Dict[str, Any] = {"input_ids": input_ids[:batch_size]}
        if attention_mask is not None:
            inputs["attention_mask"] = attention_mask[:batch_size]
        if self.device is not None:
            inputs = {k: v.to(self.device) for k, v in inputs.items()}
        self.profile = joulemap.torch.profile(
            self.model,
            inputs,
            runs=num_loops,
            batch=batch_size,
            warmup=warmup,
            modules=[name for _, name in self.layers],
            isolate=isolate,
            sensors=self._sensors,
        )
        return [self._row(i, old, new, num_loops) for i, (old, new) in enumerate(self.layers)]

    def _row(self, index: int, name: str, module: str, num_loops: int) -> Dict[str, Any]:
        assert self.profile is not None
        found = [r for r in self.profile if r.name == module]
        row = found[0] if found else None
        energy = row.energy_mj if row else None
        time_ms = row.time_ms if row else None
        readings = self.profile.report.ledger.get(self.profile.channel or "")
        return {
            "layer_name": name,
            "layer_idx": index,
            "avg_power_w": row.power_w if row else None,
            "total_time_s": time_ms * num_loops * 1e-3 if time_ms is not None else None,
            "energy_total_j": energy * num_loops * 1e-3 if energy is not None else None,
            "energy_per_inference_mj": energy,
            "num_loops": num_loops,
            "latency_per_loop_ms": time_ms,
            "num_power_samples": readings.taken if readings is not None else 0,
            "energy_pct": row.share * 100 if row and row.share is not None else None,
            "energy_ci_mj": row.energy_ci_mj if row else None,
            "energy_per_sample_mj": row.energy_per_item_mj if row else None,
            "method": row.method if row else "",
            "state": row.state if row else "unavailable",
            "resolvable": row.resolvable if row else False,
            "reason": row.reason if row else "the module was not called",
        }


def profile_all_layers(
    model: Any, input_ids: Any, attention_mask: Any = None, batch_size: int = 16, num_loops: int = 100, **options: Any
) -> List[Dict[str, Any]]:
    """LayerEnergyProfiler(model).profile_all_layers(...) in one call."""
    return LayerEnergyProfiler(model, options.pop("device", None)).profile_all_layers(
        input_ids, attention_mask, batch_size, num_loops, **options
    )


def save_layer_csv(results: Sequence[Dict[str, Any]], path: str) -> None:
    """Writes the old columns, an empty cell for what is unknown."""
    with open(path, "w", encoding="utf-8", newline="") as f:
        writer = csv.writer(f)
        writer.writerow(LAYER_COLUMNS)
        for row in results:
            writer.writerow("" if row[c] is None else row[c] for c in LAYER_COLUMNS)
