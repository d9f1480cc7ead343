"""A folder as a registry: names, descriptions and constants are read from the source, without an import."""
import subprocess
import sys

import pytest

from workbench import embed, tokens
from workbench.errors import UserError
from workbench.registry import Registry


@pytest.fixture
def registry(tmp_path):
    (tmp_path / "__init__.py").write_text("")
    (tmp_path / "_private.py").write_text("")
    (tmp_path / "two_words.py").write_text('"""Two words.\n\nMore."""\nREADS = OTHER = ("a", 1)\nBUILT = len("a")\n')
    (tmp_path / "one.py").write_text("raise ValueError\n")
    return Registry("kind", tmp_path)


def test_files_are_entries(registry):
    assert registry.names() == ["one", "two-words"] and registry.file("two-words").name == "two_words.py"
    assert registry.descriptions() == {"one": "", "two-words": "Two words."}
    assert registry.literal("two-words", "READS") == registry.literal("two-words", "OTHER") == ("a", 1)
    assert registry.literal("one", "READS") is None and registry.literal("one", "READS", False) is False


@pytest.mark.parametrize(("ask", "complaint"), [
    (lambda each: each.file("two_words"), "unknown kind 'two_words'; did you mean 'two-words'"),
    (lambda each: each.load("../one"), "unknown kind '../one'"),
    (lambda each: each.code("__init__"), "unknown kind"),
    (lambda each: each.literal("two-words", "BUILT"), "'two-words': BUILT needs a literal value"),
    (lambda each: each.function("one", "codes"), r"'one': one.py defines no codes\(\)"),
])  # fmt: skip
def test_what_is_wrong_is_named(registry, ask, complaint):
    with pytest.raises(UserError, match=complaint):
        ask(registry)


def test_two_files_of_one_name_are_an_error(tmp_path):
    for family in ("f", "g"):
        (tmp_path / family).mkdir()
        (tmp_path / family / "one.py").write_text("")
    with pytest.raises(UserError, match="two kinds are called 'one'"):
        Registry("kind", tmp_path, "*/*.py").file("one")


@pytest.mark.parametrize(("room", "function"), [(embed, "vectors"), (tokens, "codes")])
def test_every_kind_has_a_description_and_one_signature(room, function):
    definitions = {name: room.REGISTRY.function(name, function).args for name in room.KINDS}
    signatures = {tuple(each.arg for each in (*args.args, *args.kwonlyargs)) for args in definitions.values()}
    assert len(signatures) == 1 and len(definitions) > 4 and all(room.KINDS.values())


def test_kinds_say_what_they_read():
    reads = {name: embed.REGISTRY.literal(name, "READS") for name in embed.KINDS}
    assert set(reads.values()) == {"text", "features", "train", "nothing"} and reads["collaborative"] == "train"
    assert tokens.CONTENT_KINDS == ("balanced-kmeans", "fsq", "pq", "rq-kmeans", "rq-vae")


def test_listing_kinds_imports_none_of_them():
    code = (
        "import sys; from workbench import embed, tokens\n"
        "assert embed.KINDS and tokens.KINDS\n"
        "assert not [name for name in sys.modules if '.kinds.' in name or name.startswith(('sklearn', 'transformers'))]"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
