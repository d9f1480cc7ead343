"""The memory of errors: what is kept, what is overwritten, what is found, against a dictionary and exact neighbours."""
import torch

from workbench.nets.streams.error_memory import ErrorMemory, by_bucket, exact_nearest, newest_first

WIDTH = 6


def memory(**changes) -> ErrorMemory:
    torch.manual_seed(0)
    return ErrorMemory(WIDTH, **{"tables": 3, "bits": 4, "slots": 5} | changes)


def keys(n: int, seed: int = 1) -> torch.Tensor:
    return torch.randn(n, WIDTH, generator=torch.Generator().manual_seed(seed))


def test_an_empty_memory_expects_no_error():
    assert (memory().read(keys(7), k=3, tau=0.1) == 0).all()


def test_the_nearest_of_a_stored_key_is_itself():
    each, errors = memory(slots=50), torch.linspace(-1, 1, 40)
    each.write(keys(40), errors)
    near, found, serials = each.nearest(keys(40), 1)
    assert torch.allclose(near, torch.ones(40, 1)) and torch.equal(found[:, 0], errors)
    assert torch.equal(serials[:, 0], torch.arange(1, 41))
    assert torch.equal(each.read(keys(40), k=1, tau=0.01), errors)


def test_of_equal_keys_the_newest_counts():
    each = memory(slots=50)
    for error in (0.3, -0.7):
        each.write(keys(5), torch.full((5,), error))
    assert torch.equal(each.read(keys(5), k=1, tau=1.0), torch.full((5,), -0.7))
    assert torch.allclose(each.read(keys(5), k=2, tau=1.0), torch.full((5,), -0.2))


def test_a_full_bucket_holds_the_newest_whatever_is_written_at_once():
    at_once, bit_by_bit = memory(), memory()
    everything, errors = keys(300), torch.arange(300.0)
    at_once.write(everything, errors)
    for start in range(0, 300, 7):
        bit_by_bit.write(everything[start : start + 7], errors[start : start + 7])
    buckets = at_once.buckets(everything)
    for table in range(3):
        for bucket in range(16):
            written = (buckets[:, table] == bucket).nonzero()[:, 0]
            for each in (at_once, bit_by_bit):
                serials = each.serials[table, bucket]
                assert sorted(serials[serials > 0].tolist()) == (written[-5:] + 1).tolist()
                assert torch.equal(each.errors[table, bucket][serials > 0], serials[serials > 0] - 1.0)
    probe = keys(50, seed=2)
    assert torch.equal(at_once.read(probe, k=4, tau=0.2), bit_by_bit.read(probe, k=4, tau=0.2))


def test_the_mean_is_weighted_by_likeness_computed_by_hand():
    each = memory(tables=1, bits=1, slots=8)
    each.planes[:] = 0  # one bucket
    stored, probe, errors = keys(6), keys(1, seed=3), torch.tensor([0.5, -0.5, 0.2, 0.9, -0.1, 0.0])
    each.write(stored, errors)
    cosine = torch.cosine_similarity(probe, stored)
    best = cosine.topk(3).indices
    expected = ((cosine[best] / 0.3).softmax(0) * errors[best]).sum()
    assert torch.allclose(each.read(probe, k=3, tau=0.3), expected[None])
    assert torch.equal(exact_nearest(probe, stored, 3)[0], best)


def test_what_is_found_in_several_tables_counts_once():
    one, many = memory(tables=1, bits=1, slots=50), memory(tables=8, bits=1, slots=50)
    one.planes[:], many.planes[:] = 0, 0
    for each in (one, many):
        each.write(keys(20), torch.linspace(-1, 1, 20))
    assert torch.allclose(one.read(keys(5, 4), k=10, tau=0.2), many.read(keys(5, 4), k=10, tau=0.2))
    assert (torch.diff(many.nearest(keys(5, 4), 10)[2].sort().values) > 0).all()


def test_keys_that_vary_along_one_direction_are_told_apart_once_whitened():
    narrow = keys(300) * 0.1 + 3 * keys(300, seed=2)[:, :1]
    fullest = []
    for whitened in (False, True):
        each = memory(slots=2)
        if whitened:
            each.whiten(narrow)
            white = (narrow - each.centre) @ each.white
            assert torch.allclose(torch.cov(white.T, correction=0), torch.eye(WIDTH), atol=1e-3)
        each.write(narrow, torch.zeros(300))
        fullest.append(torch.bincount(each.buckets(narrow)[:, 0]).max() / 300)
        assert torch.equal(each.nearest(narrow[-1:], 1)[2], torch.tensor([[300]]))
    assert fullest[0] > 0.3 and fullest[1] < 0.2, fullest


def test_more_tables_find_more_of_the_exact_neighbours():
    stored, probe = keys(400), keys(100, seed=5)
    exact = exact_nearest(probe, stored, 5)

    def recall(tables: int, bits: int) -> float:
        each = memory(tables=tables, bits=bits, slots=400)
        each.write(stored, torch.zeros(400))
        found = each.nearest(probe, 5)[2] - 1
        return (exact[:, :, None] == found[:, None, :]).any(dim=2).float().mean().item()

    assert recall(1, 5) < recall(4, 5) < recall(12, 5) and recall(12, 1) > 0.99


def test_fewer_than_k_is_what_there_is():
    each = memory(slots=1)
    each.write(keys(1), torch.tensor([0.4]))
    near, errors, serials = each.nearest(keys(1), 10)
    assert near.shape == errors.shape == serials.shape == (1, 3) and serials.tolist() == [[1, 0, 0]]
    assert torch.allclose(each.read(keys(1), k=10, tau=0.1), torch.tensor([0.4]))


def test_orders_are_those_of_torch():
    serials = torch.randint(0, 40, (200, 12), generator=torch.Generator().manual_seed(0))
    found, columns = newest_first(serials)
    assert torch.equal(found, serials.sort(dim=1, descending=True).values)
    assert torch.equal(serials.gather(1, columns), found)
    assert torch.equal(columns.sort(dim=1).values, torch.arange(12).expand(200, -1)), "each column once"
    for n_buckets in (16, 2**17):
        buckets = torch.randint(0, n_buckets, (500,), generator=torch.Generator().manual_seed(1))
        assert torch.equal(by_bucket(buckets, n_buckets), buckets.argsort(stable=True))
