"""Distances of a history in buckets, places of one tile, and an encoder that is causal in both."""
import numpy as np
import pytest
import torch

from workbench import experiment
from workbench.errors import UserError
from workbench.nets.sequences.spatial_encoder import EDGES, SpatialEncoder, TilePlaces, distance_buckets
from workbench.nets.transformer import SequenceEncoder
from workbench.train import PROFILES, seeded_torch

NORTH = 1 / 111.195  # degrees of latitude in a kilometre
KM = np.array([0, 0, 0.005, 0.2, 0.3, 3, 100])  # north of the first item, by item
DEGREES = np.stack([50 + KM * NORTH, np.full(len(KM), 10.0)], 1)


def encoder() -> SpatialEncoder:
    with seeded_torch(0, "encoder"):
        plain = SequenceEncoder(6, width=8, layers=2, heads=2, feedforward=16, max_length=6, dropout=0.1)
        return SpatialEncoder(plain, DEGREES, level=15).eval()


def test_buckets_by_hand():
    rows = np.array([[1, 2, 3, 4, 5, 6], [6, 6, 1, 0, 0, 0], [0, 0, 0, 0, 0, 0]])
    # 5 m, 195 m, 100 m and a little, 2.7 km, 97 km; the same place, 100 km
    assert distance_buckets(rows, DEGREES).tolist() == [[0, 1, 3, 3, 7, 12], [0, 1, 12, 0, 0, 0], [0] * 6]
    assert len(EDGES) + 1 == 12 and list(EDGES) == sorted(EDGES)


def test_items_of_one_tile_have_one_vector():
    with seeded_torch(0, "tiles"):
        places = TilePlaces(DEGREES, 8, level=15)
    x = places(torch.arange(7))
    assert not x[0].any() and torch.equal(x[1], x[2]) and not torch.equal(x[1], x[6])
    assert len(set(places.tile.tolist())) < 7 and places.embedding.num_embeddings == places.tile.max() + 1
    with seeded_torch(0, "tiles"):
        coarse = TilePlaces(DEGREES, 8, level=1)
    assert coarse.tile.tolist() == [0] + [1] * 6


def test_an_event_is_an_id_a_tile_and_a_distance():
    module = encoder()
    items, near, far = torch.tensor([[1, 2, 3]]), torch.tensor([[0, 1, 1]]), torch.tensor([[0, 1, 9]])
    a, b = module(items, near), module(items, far)
    assert torch.equal(a[:, :2], b[:, :2]) and not torch.allclose(a[:, 2], b[:, 2])
    module.item.places.project.weight.data.zero_()
    plain = SequenceEncoder(6, width=8, layers=2, heads=2, feedforward=16, max_length=6, dropout=0.1).eval()
    plain.item, plain.position, plain.blocks, plain.norm = module.item.ids, module.position, module.blocks, module.norm
    assert torch.equal(module(items, far), plain(items)) and torch.equal(module.item.weight, plain.item.weight)


def test_later_events_and_padding_change_nothing():
    module = encoder()
    items, buckets = torch.tensor([[1, 4, 5, 2]]), torch.tensor([[0, 3, 6, 2]])
    whole = module(items, buckets)
    assert torch.equal(whole[:, :2], module(torch.tensor([[1, 4, 6, 6]]), torch.tensor([[0, 3, 1, 9]]))[:, :2])
    padded = module(torch.cat([items, torch.zeros(1, 2, dtype=int)], 1), torch.nn.functional.pad(buckets, (0, 2)))
    assert torch.allclose(whole, padded[:, :4], atol=1e-6)


@pytest.mark.parametrize("system", ["stkdrec", "ga_llm"])
def test_a_world_without_coordinates_is_refused_before_any_work(system, home):
    bench = experiment.open_bench("synthetic", profile=PROFILES["smoke"], options={"users": 50})
    with pytest.raises(UserError, match="unknown table 'geography'.*bundled with foursquare-nyc, synthetic-places"):
        bench.build(system)
    assert "split" not in vars(bench), "no split was made, so no teacher and no network either"


def test_the_teacher_alone_needs_no_coordinates(home):
    bench = experiment.open_bench("synthetic", profile=PROFILES["smoke"], options={"users": 50})
    plain, student = bench.build("sasrec"), bench.build("stkdrec", level=0)
    assert [n for n, _ in plain.module.named_parameters()] == [n for n, _ in student.module.named_parameters()]


@pytest.mark.parametrize("changes", [{"distillation": 1.0}, {"temperature": 0.0}, {"level": 26}, {"negatives": 0}])
def test_settings_out_of_range(changes, home):
    bench = experiment.open_bench("synthetic-places", profile=PROFILES["smoke"], options={"users": 50})
    with pytest.raises(UserError, match="stkdrec: "):
        bench.build("stkdrec", **changes)
