"""Workbench: from a raw interaction log to a trained recommender and an honest audit of its benchmark.

    import workbench as wb

    bench = wb.open_bench("synthetic", profile="smoke")
    runs = [bench.fit(name) for name in ("popularity", "item_transitions", "sasrec")]
    wb.show.plot_comparison(wb.compare(runs))

Everything a person types stands here or on the objects these return; the rest is for contributors. Importing the
package imports neither torch nor pandas: each name is loaded when it is first used.
"""
from importlib import import_module

__version__ = "0.1.0"
__all__ = [
    "open_bench", "load_run", "compare", "contrast", "study", "probe", "audit", "inspect_system", "inspect_items",
    "inspect_codes", "inspect_tokenizers", "inspect_decoder", "inspect_cases", "glue", "check_answer", "show",
]  # fmt: skip
_MODULES = {
    "open_bench": "experiment", "load_run": "experiment", "compare": "evaluate", "contrast": "evaluate",
    "probe": "experiment.probing.probe", "audit": "experiment.audit.run_audit",
    "study": "experiment.study.run_study", "inspect_system": "experiment.browse.system_card",
    "inspect_items": "experiment.browse.item_index", "inspect_codes": "experiment.browse.code_inspector",
    "inspect_tokenizers": "experiment.browse.tokenizers",
    "inspect_decoder": "experiment.browse.decoder_inspector", "inspect_cases": "experiment.browse.case_study",
    "glue": "notebooks", "check_answer": "notebooks",
}  # fmt: skip


def __getattr__(name: str):
    if name in ("show", "probing", "llm"):
        return import_module(f"workbench.{name}")
    if name in _MODULES:
        checked = import_module("workbench.arguments").checked
        return checked(getattr(import_module(f"workbench.{_MODULES[name]}"), name))
    raise import_module("workbench.errors").unknown_attribute("module 'workbench'", name, __all__)


def __dir__() -> list[str]:
    return sorted(__all__)
