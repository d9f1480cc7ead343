"""What the files of a run say about it."""
from pathlib import Path

import pytest

from workbench.experiment import Run, open_bench


@pytest.mark.parametrize("scores, epochs, rising", [
    ([.1, .2, .3, .4, .5], 5, True),  # cut off while it still improved
    ([.1, .4, .5, .5, .505], 5, False),  # the last fifth adds 1 %: noise
    ([.1, .2, .3, .4, .5], 9, False),  # stopped by patience before its epochs ran out
    ([], 5, False),  # not trained in epochs
    ([0.0, 0.0, 0.0], 3, False), ([0.0, 0.0, 0.1], 3, True),
])  # fmt: skip
def test_a_run_cut_off_while_validation_rises_says_so(scores, epochs, rising):
    curve = [{"epoch": n, "ndcg@10": score} for n, score in enumerate(scores, 1)]
    run = Run(Path("."), {"curve": curve, "recipe": {"monitor": "ndcg@10", "epochs": epochs}}, open_bench)
    assert run.still_rising is rising
