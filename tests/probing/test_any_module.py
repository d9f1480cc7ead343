"""Any torch module is read at a named site, with what its forward takes."""
import numpy as np
import pytest
import torch
from torch import nn

from workbench.errors import UserError
from workbench.probing.activations.any_module import read_module
from workbench.probing.dictionaries import sae


class Two(nn.Module):
    """Takes two arguments; position embeddings and dropout on top."""

    def __init__(self):
        super().__init__()
        self.item, self.drop, self.twice = nn.Embedding(9, 4), nn.Dropout(0.5), nn.Identity()

    def forward(self, items, shift):
        return self.twice(self.twice(self.drop(self.item(items) + shift)))


ITEMS = [torch.tensor([[1, 2, 0], [3, 0, 0]]), torch.tensor([[4, 5, 6]])]


def batches():
    return [(items, 1.0) for items in ITEMS]


def test_rows_are_the_positions_that_are_labelled():
    module = Two()
    read = read_module(module, "drop", batches, labels=lambda batch: batch[0])
    assert read.last.tolist() == [1, 2, 3, 4, 5, 6] and read.next.tolist() == [2, 0, 0, 5, 6, 0]
    assert read.user.tolist() == [0, 0, 1, 2, 2, 2] and read.position.tolist() == [0, 1, 0, 0, 1, 2]
    assert np.allclose(read.x, module.item.weight.detach()[read.last] + 1), "without dropout"
    assert module.training and module.drop.training, "left as it was"
    everything = read_module(module, "drop", iter([{"items": ITEMS[0], "shift": 0.0}]))
    assert everything.x.shape == (6, 4) and not everything.last.any()


def test_a_dictionary_is_trained_on_them():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(4, 8), nn.ReLU())
    read = read_module(net, "1", [torch.randn(64, 4) for _ in range(4)])
    assert len(read) == 256 and read.user.tolist() == list(range(256)) and not read.position.any()
    dictionary = sae.train(read.x, kind="topk", k=2, latents=16, epochs=2)
    assert dictionary.latents == 16 and dictionary.encode_sparse(read.x).nnz <= 2 * 256


@pytest.mark.parametrize(("site", "given", "labels", "words"), [
    ("dropp", batches, None, "unknown site 'dropp'; did you mean 'drop'"),
    ("twice", batches, None, r"2 calls in a pass; choose one with Site\('twice', call=0\)"),
    ("drop", [], None, "batches yields nothing"),
    ("drop", batches, lambda batch: batch[0][:, :1], r"labels have shape \(2, 3\), one per row; given \(2, 1\)"),
    ("drop", [(ITEMS[0], float("nan"))], None, "6 of 6 activations are NaN or infinite"),
])  # fmt: skip
def test_what_cannot_be_read_is_said(site, given, labels, words):
    with pytest.raises(UserError, match=words):
        read_module(Two(), site, given, labels=labels)


def test_only_modules_are_read():
    with pytest.raises(UserError, match="read_module reads a torch module; given str"):
        read_module("sasrec", "drop", batches)
