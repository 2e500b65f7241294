"""Energy of PyTorch models, split over their modules.

import joulemap.torch

result = joulemap.torch.profile(model, inputs, runs=200)
print(result)
result.to_csv("layers.csv")"""

from joulemap.torch._complexity import Complexity, Counts, Module, complexity
from joulemap.torch._profile import profile
from joulemap.torch._result import Layer, Profile

__all__ = ["Complexity", "Counts", "Layer", "Module", "Profile", "complexity", "profile"]
