"""BLEU-4 and ROUGE-L by hand."""
import numpy as np
import pytest

from workbench.errors import UserError
from workbench.evaluate.texts.overlap import bleu, rouge_l


def test_bleu_by_hand():
    said, meant = "the cat sat on the mat", "the cat sat on a mat"
    # 1-grams 5 of 6 (the second `the` is clipped), 2-grams 3 of 5, 3-grams 2 of 4, 4-grams 1 of 3; equal lengths
    assert bleu([said], [meant]) == pytest.approx((5 / 6 * 3 / 5 * 2 / 4 * 1 / 3) ** 0.25)
    short = "the cat sat on"
    assert bleu([short], [meant]) == pytest.approx(np.exp(1 - 6 / 4))
    assert bleu(["the the the the"], [meant]) == 0 and bleu([meant.upper() + "!"], [meant]) == 1
    # a corpus adds counts up; the mean of two scores would be another number
    both = ((5 + 6) / 12 * (3 + 5) / 10 * (2 + 4) / 8 * (1 + 3) / 6) ** 0.25
    assert bleu([said, meant], [meant, meant]) == pytest.approx(both)


def test_rouge_l_by_hand():
    # police the gunman, police kill the gunman: longest common subsequence 3 of 3 and of 4
    assert rouge_l(["police the gunman", "gunman the police", ""], ["police kill the gunman"] * 3) == pytest.approx(
        [2 * 3 / 7, 2 * 1 / 7, 0])  # fmt: skip
    with pytest.raises(UserError, match="2 texts and 1 references"):
        rouge_l(["a", "b"], ["a"])
