"""The weights of a torch module as named numpy arrays, and back: what most recommenders save."""
import numpy as np
import torch
from torch import nn


def get_weights(module: nn.Module) -> dict[str, np.ndarray]:
    """All parameters and buffers by name."""
    return {name: tensor.detach().cpu().numpy() for name, tensor in module.state_dict().items()}


def load_weights(module: nn.Module, state: dict[str, np.ndarray]) -> None:
    """Load the result of `get_weights` into a module and put it in evaluation mode."""
    module.load_state_dict({name: torch.from_numpy(np.array(array)) for name, array in state.items()})
    module.eval()
