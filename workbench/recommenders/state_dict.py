"""A torch module's weights as named arrays and back: what most recommenders store."""
import numpy as np
import torch
from torch import nn


def weights(module: nn.Module) -> dict[str, np.ndarray]:
    """All parameters and buffers by name."""
    return {name: tensor.detach().cpu().numpy() for name, tensor in module.state_dict().items()}


def take_over(module: nn.Module, state: dict[str, np.ndarray]) -> None:
    """Load what `weights` gave, and be ready to answer."""
    module.load_state_dict({name: torch.from_numpy(np.array(array)) for name, array in state.items()})
    module.eval()
