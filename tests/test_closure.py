"""A run's key follows the code that it stands on: what it imports changes it, what stands beside it does not."""
import ast
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from reach import TESTS, reaches

from workbench import closure as closure_module
from workbench import systems
from workbench.closure import closure
from workbench.places import PACKAGE

CODES = """
import json, sys
from pathlib import Path
from workbench import closure, systems

parse, trees = closure._tree.__wrapped__, {}

def tree(path):  # parsed again only where the text is another
    text = path.read_text()
    if trees.get(path, ("", None))[0] != text:
        trees[path] = text, parse(path)
    return trees[path][1]

closure._tree = tree

def codes():
    for cached in (closure._code_hash, closure._imports, closure._module):
        cached.cache_clear()
    return {name: systems.code(name) for name in systems.names()}

states = [codes()]
for texts in json.loads(sys.argv[1]):
    before = {place: Path(place).read_text() for place in texts}
    for place, text in texts.items():
        Path(place).write_text(text)
    states.append(codes())
    for place, text in before.items():
        Path(place).write_text(text)
print(json.dumps(states))
"""
ON_SASREC = [name for name in systems.names() if systems.keywords(name).get("base") == "sasrec"]
SYSTEM = '"""Another one."""\nPARENT = OFF = PLACEBO = RECIPE = None\n\n\ndef build(bench):\n    """It."""\n'


def codes(folder: Path, *edits: dict[str, str]) -> list[dict[str, str]]:
    """The code hash of every system of a copy of the package, as it is and with other texts of some files, by path."""
    command = [sys.executable, "-c", CODES, json.dumps(edits)]
    return json.loads(subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout)


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    folder = tmp_path_factory.mktemp("copy")
    shutil.copytree(PACKAGE, folder / "workbench", ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def test_files_beside_a_system_change_no_key(copy):
    package, [before] = copy / "workbench", codes(copy)
    assert before == {name: systems.code(name) for name in systems.names()}
    (package / "systems" / "sequential" / "another.py").write_text(SYSTEM)
    (package / "data" / "datasets" / "another.py").write_text('"""A source."""\n\n\ndef load():\n    """It."""\n')
    for room in ("recommenders", "losses", "nets", "tokens", "embed"):
        (package / room / "another.py").write_text('"""A part."""\nA = 1\n')
    (package / "errors.py").write_text((package / "errors.py").read_text() + "\nMESSAGE = 1\n")
    [after] = codes(copy)
    assert after.pop("another") and after == before


LINES = [
    ("systems/sequential/sasrec.py", {"sasrec", *ON_SASREC}),
    ("nets/transformer.py", {name for family in ("sequential", "text", "cross_domain", "generative", "preference")
                             for name in systems.names(family)} - {"gru4rec", "easyrec", "critique_retrieval"}
     | {*ON_SASREC, "ulmrec", "scasrec", "behaviour_cloning", "dt4ier", "tadt_csa", "visit_net", "leader"}),
    ("experiment/around_base.py", set(ON_SASREC)),
    ("recommenders/count_based.py", {*systems.names("baselines"), "easyrec", "g_crs", "critique_retrieval"}),
    ("evaluate/metrics.py", set(systems.names())),
]  # fmt: skip


def test_a_line_changes_the_keys_of_what_imports_it(copy):
    """A line of code; other words in a docstring, and comments, change none."""
    texts = {str(copy / "workbench" / file): (copy / "workbench" / file).read_text() for file, _ in LINES}
    worded = {place: text.replace('"""', '"""Other words, on\ntwo lines. ', 1) + "\n# a comment\n"
              for place, text in texts.items()}
    with_a_line = [{place: text + "\nANOTHER_LINE = 1\n"} for place, text in texts.items()]
    before, in_other_words, *after = codes(copy, worded, *with_a_line)
    assert in_other_words == before
    for (file, changed), found in zip(LINES, after, strict=True):
        assert {name for name in before if found[name] != before[name]} - {"another"} == changed, file


@pytest.mark.parametrize("text, lines", [
    ('"""One."""\nA = 1\n', {1}),
    ('def f():\n    """One\n    two."""\n    return 1\n', {2, 3}),
    ('class A:\n    """One."""\n', {2}),
    ('def f(): """One."""\n', set()),
    ('def f():\n    """One."""; return 1\n', set()),
    ('def f():\n    A = """One."""\n    """Two."""\n', set()),
])  # fmt: skip
def test_lines_that_are_docstrings(text, lines):
    assert closure_module._docstring_lines(ast.parse(text)) == lines


def test_a_name_leads_to_the_file_that_defines_it():
    files = {str(path.relative_to(PACKAGE)) for path in closure("recommenders/sequential.py")}
    assert {"data/histories.py", "train/fit.py", "losses/ranking.py"} & files == {"data/histories.py", "train/fit.py"}
    assert not {"data/__init__.py", "evaluate/compare.py"} & files


@pytest.mark.parametrize("test, names, changed, reached", [
    ("evaluate/test_top_k.py", set(), "evaluate/top_k.py", True),
    ("evaluate/test_top_k.py", set(), "embed/text.py", False),
    ("systems/test_battery.py", {"sasrec"}, "systems/sequential/sasrec.py", True),
    ("systems/test_battery.py", {"sasrec"}, "systems/sequential/gru4rec.py", False),
    ("systems/test_battery.py", set(), "systems/sequential/gru4rec.py", True),
    ("systems/test_battery.py", {"tim4rec"}, "systems/sequential/sasrec.py", True),  # its parent
    ("systems/test_battery.py", {"two_stage"}, "systems/sequential/sasrec.py", True),  # its second stage
    ("systems/test_battery.py", {"random_selection"}, "systems/sequential/sasrec.py", True),  # its base
    ("systems/test_battery.py", {"lightgnn"}, "systems/graph/lightgcn.py", True),  # its teacher
    ("systems/test_battery.py", {"lightgnn"}, "systems/matrix_factorization/bpr_mf.py", True),  # the teacher's parent
    ("systems/test_battery.py", {"sasrec"}, "systems/sequential/tim4rec.py", False),
    ("systems/test_battery.py", {"kcan"}, "data/datasets/invented/synthetic_relations.py", True),  # its world
    ("systems/test_battery.py", {"gru4rec"}, "data/datasets/invented/synthetic_relations.py", False),
    ("systems/test_battery.py", {"gru4rec"}, "data/synthetic/world.py", True),
    ("systems/test_sets_battery.py", {"leader"}, "data/datasets/invented/synthetic_visits.py", True),
    ("systems/test_convergence.py", {"sasrec"}, "data/datasets/office.py", True),  # named in the test
    ("systems/test_kcan.py", set(), "data/datasets/invented/synthetic_relations.py", True),
    ("systems/test_music_for_video.py", set(), "systems/music/music_for_video.py", True),  # by a helper beside it
    ("systems/test_category_popularity.py", set(), "tokens/autoencoder.py", True),  # by the fixtures of its folder
    ("data/test_graph_datasets.py", set(), "data/datasets/graphs/ciao.py", True),
    ("data/test_dialogue_datasets.py", set(), "data/datasets/dialogues/redial.py", True),
    ("data/test_exposure_datasets.py", set(), "data/datasets/exposures/coat.py", True),
    ("evaluate/test_top_k.py", set(), "data/datasets/exposures/coat.py", False),
    ("test_layers.py", set(), "embed/text.py", True),
    ("evaluate/test_top_k.py", set(), "show/lab.js", True),
])  # fmt: skip
def test_a_change_reaches_the_tests_that_import_it(test, names, changed, reached):
    assert reaches(TESTS / test, names, {PACKAGE / changed}) == reached


FEATURES = """
import json, sys
from pathlib import Path
from workbench import closure
from workbench.experiment import open_bench
from workbench.stages import drawing

bench = open_bench("synthetic", options={"users": 120})
CODES = (("rq-kmeans", "text"), ("rq-kmeans", "collaborative"), ("random", "text"), ("hash", "text"))
WANTED = {f"vectors {kind}": lambda kind=kind: bench.vectors(kind, dim=8)
          for kind in ("text", "permuted", "collaborative", "random")}
WANTED |= {f"codes {kind} {vectors}": lambda kind=kind, vectors=vectors: bench.codes(kind, vectors=vectors, dim=8)
           for kind, vectors in CODES}

def keys():
    for cached in (closure._tree, closure._code_hash, closure._imports, closure._module):
        cached.cache_clear()
    found = {}
    for name, make in WANTED.items():
        with drawing() as found[name]:
            make()
    return found

states = [keys()]
for files in json.loads(sys.argv[1]):
    texts = {place: place.read_text() if place.exists() else None for place in map(Path, files)}
    for place, text in texts.items():
        place.write_text((text or '"Another kind."') + "\\nANOTHER_LINE = 1\\n")
    states.append(keys())
    for place, text in texts.items():
        place.unlink() if text is None else place.write_text(text)
print(json.dumps(states))
"""
EDITS = [
    (["embed/kinds/another.py", "tokens/kinds/another.py", "tokens/kinds/category.py"], set()),
    (["embed/kinds/sentence.py"], {"vectors permuted"}),
    (["embed/text.py", "tokens/kinds/hash.py"],
     {"vectors text", "vectors permuted", "codes rq-kmeans text", "codes hash text"}),
    (["tokens/rq_kmeans.py"], {"codes rq-kmeans text", "codes rq-kmeans collaborative"}),
]  # fmt: skip


def test_keys_of_item_features_follow_their_own_kind(copy, home):
    """A new kind and a change of another kind leave them; a line of a kind's file, or of one that it imports, changes
    the keys of that kind, and of the codes that are made from its vectors."""
    files = json.dumps([[str(copy / "workbench" / file) for file in files] for files, _ in EDITS])
    command = [sys.executable, "-c", FEATURES, files]
    answer = subprocess.run(command, cwd=copy, check=True, capture_output=True, text=True)
    before, *after = json.loads(answer.stdout)
    assert len({json.dumps(key) for key in before.values()}) == len(before)
    for (edited, changed), keys in zip(EDITS, after, strict=True):
        assert {name for name in before if keys[name] != before[name]} == changed, edited
