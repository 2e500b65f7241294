# %% [markdown]
# An older notebook's cells for the energy of DistilBERT, layer by layer. Its own classes are gone; the one import
# below takes their place. Open it as a notebook (VS Code, or `jupytext --to ipynb`), or run it as it is. `--small`
# makes the network small.

# %%
import sys
import time

import torch

from joulemap.compat import LayerEnergyProfiler, PowerLogger, compute_energy_metrics, save_layer_csv  # the only change

from distilbert_layers import make_model

small = "--small" in sys.argv
device = "cuda" if torch.cuda.is_available() else "cpu"
batch_size, num_loops = (2, 300) if small else (16, 500)

# %% Test the logger first
logger = PowerLogger(gpu_id=0, poll_interval_ms=20 if small else 100)
logger.start()
time.sleep(1 if small else 5)
samples = logger.stop()
print(f"Samples collected: {len(samples)}, mean power {sum(samples) / len(samples):.2f} W ({logger.state})")

# %% The model and its inputs; random weights and tokens take the same energy
model, _ = make_model(small)
model = model.to(device)
input_ids = torch.randint(0, 1000, (64, 16 if small else 128), device=device)

# %% The whole model
with torch.no_grad():
    for _ in range(10):
        model(input_ids[:batch_size])
    if device == "cuda":
        torch.cuda.synchronize()
    logger.start()
    start = time.perf_counter()
    for _ in range(num_loops):
        model(input_ids[:batch_size])
    if device == "cuda":
        torch.cuda.synchronize()
    total_time = time.perf_counter() - start
    samples = logger.stop()
metrics = compute_energy_metrics(samples, total_time, num_loops, logger.energy_j)
for key, value in metrics.items():
    print(f"{key:28} {value}")

# %% Its layers
profiler = LayerEnergyProfiler(model, device=device)
layer_results = profiler.profile_all_layers(input_ids, batch_size=batch_size, num_loops=num_loops)
for row in layer_results:
    energy = "unknown" if row["energy_per_inference_mj"] is None else f"{row['energy_per_inference_mj']:.4g} mJ"
    print(f"{row['layer_name']:22} {energy:>12} {row['energy_pct'] or 0:6.2f} %  {row['method']}, {row['state']}")
save_layer_csv(layer_results, "fp32_per_layer_energy.csv")
