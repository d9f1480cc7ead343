"""The page of systems says of each source that nobody can ship what works, on what, and what cannot be had."""
import subprocess
import sys
from pathlib import Path

import pytest

from workbench import systems
from workbench.data import datasets
from workbench.systems import catalogue, evidence, sources

ROOT = Path(__file__).parents[2]
ISSUED = {"tencent-gr", "merrec", "amazon-m2", "kuailive", "regen", "yt8m-music-text-clips", "pira"}


def test_every_dataset_that_is_brought_is_a_source():
    assert set(sources.names()) == ISSUED | {"code-sciml", "mimic-demo"}


@pytest.mark.parametrize("name", sources.names())
def test_what_a_source_declares_is_there(name):
    module = datasets.REGISTRY.load(name)
    about, brought = (sources.DATASETS.literal(name, literal) for literal in ("ABOUT", "BROUGHT"))
    assert about == module.ABOUT and about["homepage"].startswith("https://") and about["terms"].endswith(".")
    assert set(brought) == {"works", "sample", "systems", "stand_ins", "lacks"}
    assert brought["works"].endswith(".") and brought["lacks"].endswith(".")
    assert not brought["sample"] or (ROOT / brought["sample"]).is_file()
    assert set(brought["stand_ins"]) <= set(datasets.names()) - set(sources.names()), "a stand-in is at hand"
    assert set(brought["systems"]) <= set(systems.names())


def test_the_section_has_a_row_a_source_with_its_studies():
    section = sources.markdown_section()
    rows = {line.split("`")[1]: line for line in section.splitlines() if line.startswith("| [")}
    assert list(rows) == sources.names() and all(row.count("|") == len(sources.COLUMNS) + 1 for row in rows.values())
    assert "(https://huggingface.co/datasets/mercari-us/merrec)" in rows["merrec"] and "CC BY-NC 4.0" in rows["merrec"]
    assert "no stand-in" in rows["kuailive"] and "[a generated sample](../tests/live_samples.py)" in rows["kuailive"]
    for name, system, dataset in (("pira", "pirf", "synthetic-screens"), ("regen", "lumen", "critiqued"),
                                  ("mimic-demo", "leader", "mimic-demo")):  # fmt: skip
        verdicts = [each.text() for each in evidence.stored(system) if each.dataset == dataset]
        assert verdicts and all(f"`{system}` on [{verdict}](results/" in rows[name] for verdict in verdicts)
    assert catalogue.markdown_page().endswith(catalogue.markdown_table() + "\n" + section)


def test_reading_the_sources_imports_nothing_heavy():
    code = ("import sys; from workbench.systems import sources; assert sources.markdown_section()\n"
            "assert not {'torch', 'pandas', 'polars'} & set(sys.modules), sorted(sys.modules)")  # fmt: skip
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
