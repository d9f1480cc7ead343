"""What text dropout buys: the query of a video works with and without words."""
import numpy as np
import pytest
import torch
from small_clips import bench, fitted, measured, recall

from workbench.errors import UserError
from workbench.losses.contrast import info_nce


def test_without_dropout_it_collapses_where_the_text_is_left_out():
    alone, on = recall("video", "video_alone"), recall("video", "music_for_video")
    off = recall("video", "music_for_video", drop=0.0)
    assert on > 0.85 * alone, "about as well as a model of the video alone"
    assert off < on - 0.1 and off < 0.85 * alone


def test_a_text_that_is_given_helps_and_another_clips_text_does_not():
    for drop in (0.5, 0.0):
        assert recall("described", "music_for_video", drop=drop) > recall("video", "video_alone") + 0.15
    placebo = recall("described", "music_for_video", text="shuffled")
    assert placebo < recall("described", "music_for_video") - 0.15
    ranks = [np.median(measured("music_for_video")[f"rank {query}"]) for query in ("video", "described")]
    assert ranks[1] < ranks[0]


def test_video_alone_never_reads_a_word():
    found = measured("video_alone")
    for query in ("described", "remarked"):
        assert np.array_equal(found["rank video"], found[f"rank {query}"])
    same = measured("music_for_video", drop=1.0)
    assert all(np.array_equal(found[name], same[name]) for name in found)


def test_the_query_reads_words_or_the_null_vector_never_both():
    policy = fitted("music_for_video")
    module = policy.module
    video, words, _ = policy.read(np.array([1, 2]))
    with torch.no_grad():
        given, left_out = (module.query(video, words, torch.tensor([said] * 2)) for said in (True, False))
        other = module.query(video, words.flip(0), torch.tensor([False] * 2))
    assert not torch.allclose(given, left_out) and torch.equal(left_out, other)
    assert module.null.abs().sum() > 0 and fitted("music_for_video", drop=0.0).module.null.abs().sum() == 0


def test_the_loss_is_info_nce_of_query_and_music():
    """By hand, of two clips whose cosines are known."""
    query, music = torch.tensor([[2.0, 0], [0, 1]]), torch.tensor([[3.0, 0], [4, 3]])
    by_rows = [np.log(1 + np.exp((0.8 - 1) / 0.1)), np.log(1 + np.exp((0 - 0.6) / 0.1))]
    by_columns = [np.log(1 + np.exp((0 - 1) / 0.1)), np.log(1 + np.exp((0.8 - 0.6) / 0.1))]
    assert info_nce(query, music, 0.1).item() == pytest.approx((np.mean(by_rows) + np.mean(by_columns)) / 2, rel=1e-5)


@pytest.mark.parametrize("changes, message", [
    ({"drop": 1.5}, "drop=1.5 is the chance"), ({"width": 0}, "width=0 is 1 or more"),
    ({"aspects": 0}, "aspects=0: a remark names 1"), ({"text": "none"}, "text 'none'"),
])  # fmt: skip
def test_settings_out_of_range_are_one_error(changes, message):
    with pytest.raises(UserError, match=message):
        bench().build("music_for_video", **changes)
