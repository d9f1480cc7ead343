"""Hits within given candidates: by hand, ties, and errors; the prompts of S-DPO as they were found."""
import gzip
import json

import numpy as np
import pandas as pd
import pytest
from toys import make_histories

from workbench.data import Cases
from workbench.errors import UserError
from workbench.evaluate.rerank.given_lists import hits_within

CASES = Cases(make_histories([1], [2], [3]), np.array([4, 5, 4]))
LISTS = pd.DataFrame({"user": [2, 0, 0, 1, 1, 1, 2], "item": [4, 4, 3, 5, 1, 2, 1]})


class Fixed:
    def score(self, histories):
        return np.tile([0.0, 3.0, 1.0, 0.5, 2.0, 1.0], (len(histories), 1))


def test_by_hand():
    """User 0: 4 above 3. User 1: 5 ties with 2 below 1. User 2: 4 below 1."""
    assert hits_within(Fixed(), CASES, LISTS).tolist() == [1, 0, 0]
    assert hits_within(Fixed(), CASES, LISTS, k=2, batch=2).tolist() == [1, 0.5, 1]


def test_errors():
    with pytest.raises(UserError, match="user 1: the target is not among the candidates"):
        hits_within(Fixed(), CASES, LISTS[LISTS["item"] != 5])
    sets = Cases(CASES.histories, np.array([4, 5, 4, 5]), None, np.array([0, 2, 3, 4]))
    with pytest.raises(UserError, match="one target a case"):
        hits_within(Fixed(), sets, LISTS)


def test_the_prompts_of_twenty(real):
    """Windows put together to listeners, and popularity far above chance."""
    import workbench as wb

    bench = wb.open_bench("lastfm-cans20", profile="paper")
    dataset, raw = bench.dataset, json.loads(gzip.decompress((real / "lastfm_cans20/lastfm-test.json.gz").read_bytes()))
    assert dataset.about["read"]["rows"] == 2_767 + 2_495 and bench.split.n_users == 244
    titles, last = dataset.titles(), raw[-1]
    user = int(np.flatnonzero(dataset.users["raw_id"] == "test 121")[0])
    case = int(np.flatnonzero(bench.split.test.histories.users == user)[0])
    assert titles[bench.split.test.targets[case]] == last["trueSelection"]
    assert titles[bench.split.test.histories.row(case)[-10:]].tolist() == last["historyList"].split("::")[-10:]
    found = hits_within(bench.fit("popularity").recommender(), bench.split.test, dataset.tables["candidates"])
    assert len(found) == 244 and 0.1 < found.mean() < 0.4
