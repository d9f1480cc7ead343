"""What a language model added, with a tiny random one: the retriever is the zero, and others are named."""
from dataclasses import replace

import numpy as np
import pytest
from tiny_lm import save_tiny_model

import workbench as wb
from workbench.errors import UserError
from workbench.experiment.study.language_models import added_by_language_model
from workbench.train import PROFILES


def test_each_reader_beside_the_retriever(tmp_path):
    model = str(save_tiny_model(tmp_path / "model", layers=1, width=16))
    bench = wb.open_bench("synthetic", profile=replace(PROFILES["smoke"], users=None), options={"users": 120})
    table = added_by_language_model(bench, model, ("ulmrec", "arag"), cases=6, n=6)
    assert table["reader"].tolist() == ["retriever", "small stand-in", model] * 2 and (table["cases"] == 6).all()
    retriever = table[table["reader"] == "retriever"]
    assert (retriever["added"] == 0).all() and retriever["mean"].nunique() == 1
    np.testing.assert_allclose(table["mean"] - retriever["mean"].iloc[0], table["added"])
    assert (table["seconds a user"] >= 0).all() and table["mean"].between(0, 1).all()
    with pytest.raises(UserError, match="scasrec read no language model; those that can are arag"):
        added_by_language_model(bench, model, ("scasrec",))
