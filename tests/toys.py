"""Small item codes, histories and untrained networks for the tests of decoding and recommending."""
import numpy as np
import torch

from workbench.data import Histories
from workbench.nets.encoder_decoder import EncoderDecoder
from workbench.nets.semantic_id_decoder import SemanticIdDecoder
from workbench.recommenders.generative import Generative
from workbench.tokens import ItemCodes, item_codes

SIZES = (3, 4, 5)
NETS = {"decoder": SemanticIdDecoder, "encoder-decoder": EncoderDecoder}


def raw_ids(n: int) -> np.ndarray:
    """Raw ids of n items."""
    return np.array([f"item {i}" for i in range(1, n + 1)], object)


def toy_codes(*, collide: bool = True, n: int = 24, seed: int = 0) -> ItemCodes:
    """n items over 60 possible codes: all different, or with collisions and one group of at least three items."""
    rng = np.random.default_rng(seed)
    full = rng.integers(0, 60, n) if collide else rng.permutation(60)[:n]
    if collide:
        full[:3] = full[0]
    return item_codes(np.column_stack(np.unravel_index(full, SIZES)), SIZES, raw_ids(n))


def codes_of(rows: list[tuple], sizes: tuple[int, ...], **more) -> ItemCodes:
    """Codes of items given one by one, uncollided or not; more: of `item_codes`, such as a policy."""
    return item_codes(np.array(rows), sizes, raw_ids(len(rows)), **more)


def make_histories(*items: list[int]) -> Histories:
    """Histories with the given items, one list per row."""
    offsets = np.concatenate([[0], np.cumsum([len(row) for row in items])]).astype(np.int64)
    flat = np.array([item for row in items for item in row], np.int32)
    return Histories(offsets, flat, np.arange(len(items), dtype=np.int32))


def random_histories(n: int, n_items: int, longest: int = 5, seed: int = 0) -> Histories:
    """n histories of 0 to `longest` random items."""
    rng = np.random.default_rng(seed)
    return make_histories(*[rng.integers(1, n_items + 1, rng.integers(0, longest + 1)).tolist() for _ in range(n)])


def item_rows(net, codes: ItemCodes) -> torch.Tensor:
    """(I+1, L, R) rows of the network's code table for all items."""
    return net.code.item_rows(*(torch.from_numpy(table).long() for table in (codes.codes, codes.trie.node)))


def toy_net(
    kind: str = "decoder", *, sizes: tuple[int, ...] = SIZES, max_length: int = 5, seed: int = 0, prefixes=(), **more
):
    """An untrained network, in evaluation mode, with weights large enough for output distributions far from uniform."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        net = NETS[kind](sizes, width=16, layers=2, heads=2, max_length=max_length, dropout=0.5,
                         prefixes=prefixes, **more)  # fmt: skip
        with torch.no_grad():
            for table in (net.code.weight, net.place.weight, net.inner.weight, net.start):
                table.mul_(25)
    return net.eval()


def toy_recommender(
    kind: str = "decoder", *, collide: bool = True, beam: int = 60, seed: int = 0, trie_softmax: bool = False,
    rows_of_streams: np.ndarray | None = None, **more,
) -> Generative:  # fmt: skip
    """An untrained recommender over 24 items that reads the last 5 events. rows_of_streams: its `streams`; more: of
    its network."""
    codes = toy_codes(collide=collide, seed=seed)
    return Generative(toy_net(kind, **more), codes, beam=beam, max_length=5, all_positions=kind == "decoder",
                      trie_softmax=trie_softmax, streams=rows_of_streams)  # fmt: skip
