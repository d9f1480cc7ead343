"""Slips at the public functions and objects: one UserError that says what was given and what is due."""
import copy
import inspect
import pickle
from collections.abc import Sequence
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import numpy as np
import pandas as pd
import pytest

import workbench as wb
from workbench.arguments import MOST, checked, public
from workbench.errors import UserError

DOORS = [(f"wb.{name}", getattr(wb, name)) for name in wb.__all__ if name != "show"]
DOORS += [(f"wb.show.{name}", getattr(wb.show, name)) for name in wb.show.__all__]
FREE = {"recommender"}  # the function asks for a method itself
VARIADIC = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


@pytest.fixture(scope="module")
def bench(home):
    return wb.open_bench("synthetic", profile="smoke", options={"users": 300})


@pytest.fixture(scope="module")
def runs(bench):
    return [bench.fit("popularity"), bench.fit("sasrec", epochs=1, width=16)]


def of_type(hint):
    """A value of a type; of a class an instance without content, which is not read."""
    one = (get_args(hint) or (hint,))[0] if get_origin(hint) in (Union, UnionType) else hint
    plain = get_origin(one) or one
    if plain in (Any, Sequence):
        return []
    if issubclass(plain, tuple):
        return tuple.__new__(plain)
    return np.zeros(1) if plain is np.ndarray else plain() if plain is pd.DataFrame else plain.__new__(plain)


@pytest.mark.parametrize(("name", "door"), DOORS, ids=[name for name, _ in DOORS])
def test_every_argument_of_every_door_has_its_type_asked(name, door):
    """Each argument in turn is an object of no use beside others of the right type, and the error names it."""
    hints, parameters = get_type_hints(inspect.unwrap(door)), inspect.signature(door).parameters
    needed = {name: of_type(hints.get(name, list)) for name, each in parameters.items() if each.default is each.empty}
    for own, parameter in parameters.items():
        if own not in FREE and parameter.kind not in VARIADIC and hints[own] not in (Any, list, dict, dict | None):
            with pytest.raises(UserError, match=rf"^{door.__name__}: {own} must be .*, not an object"):
                door(**needed | {own: object()})


def test_the_error_says_what_was_given_and_where_the_right_thing_comes_from(bench, runs):
    table = wb.compare(runs)
    slips = {
        lambda: wb.show.plot_comparison(runs): "table must be a DataFrame, not a list of 2, .*table: of `compare`",
        lambda: wb.show.plot_comparison(None): "table must be a DataFrame, not None",
        lambda: wb.show.plot_learning_curve(runs): "run must be a run: bench.fit.* not a list of 2, with a Run",
        lambda: wb.audit(runs[0]): r"bench must be a bench: wb.open_bench\(...\), not a Run",
        lambda: wb.show.plot_code_tree(runs[0], bench.codes()): "bench must be a bench",
        lambda: wb.probe(runs[1]).sae(k="8"): "k must be an integer, not '8'",
        lambda: wb.probe(runs[1]).sae(k=None): "k must be an integer, not None",
        lambda: wb.probe(runs[1]).sae(latents=-3): "latents must be 0 or more, not -3",
        lambda: bench.codes(size=2.5): "size must be an integer, not 2.5",
        lambda: runs[1].per_case(10): "metric must be a text, not 10",
        lambda: wb.show.plot_history(bench, "3"): "user must be an integer, not '3'",
        lambda: wb.show.table_code_path(bench, bench.codes(), 0): "item 0: this catalogue has items 1 to",
        lambda: wb.show.table_beam(bench, runs[1], 1, 1): "a Run decodes no semantic IDs",
        lambda: wb.show.plot_strata([]): "needs at least one run",
        lambda: wb.show.table_protocols(None): "takes a list of runs",
        lambda: wb.show.plot_comparison(table, metrc="x"): "unknown argument of plot_comparison 'metrc'; did you mean",
        lambda: wb.show.plot_comparison(): r"missing a required argument: 'table'; .*plot_comparison\(table, ",
        lambda: wb.show.plot_comparison(wb.contrast(runs, by="split")): "a table of leave-one-out .table: of `compare`",
        lambda: wb.show.plot_contrast(table): "a table of mean, low, .* .table: of `contrast`",
    }  # fmt: skip
    for slip, words in slips.items():
        with pytest.raises(UserError, match=words):
            slip()


def test_right_arguments_pass_as_they_are(bench, runs):
    assert wb.show.plot_strata(runs[0]) == wb.show.plot_strata(runs[:1]), "one run stands for a list of one"
    assert bench.codes(size=np.int64(4)).sizes[0] == 4
    assert wb.probe is wb.probe and inspect.getdoc(wb.probe).startswith("Probe a trained network")
    with pytest.raises(ZeroDivisionError):
        checked(lambda: 1 / 0)()


def test_an_error_of_the_function_itself_stays_what_it_is():
    def scaled(n: int, *, by: float = 2) -> float:
        return n * by + {}["gone"]

    with pytest.raises(KeyError, match="gone"):
        checked(scaled)(3)

    def lacks(table: pd.DataFrame) -> float:
        return table["mean"]

    with pytest.raises(UserError, match="lacks does not fit table, a table of a: KeyError"):
        checked(lacks)(pd.DataFrame({"a": [1]}))


def test_a_wrong_attribute_is_answered_by_the_nearest(bench, runs):
    probe = wb.probe(runs[1])
    slips = [(bench, "fitt", "fit"), (runs[0], "metric", "metrics"), (probe, "activation", "activations"),
             (probe.sae(epochs=1), "fetures", "features"), (wb, "opn_bench", "open_bench"), (wb, "prob", "probe"),
             (wb.show, "plot_comparsion", "plot_comparison"), (wb.probing, "Actvations", "Activations"),
             (wb.audit(bench, only="data"), "sentence", "sentences"), (wb.inspect_items(bench), "serch", "search"),
             (wb.inspect_cases(bench), "histry", "history"), (wb.inspect_codes(bench), "colisions", "collisions"),
             (bench.evaluate(np.ones(len(bench.split.test.targets), int), name="mine"), "rank", "ranks")]  # fmt: skip
    for value, slip, right in slips:
        with pytest.raises(AttributeError, match=f"has no attribute '{slip}'; did you mean '{right}'"):
            getattr(value, slip)
        assert not hasattr(value, slip) and not hasattr(value, "_repr_markdown_")
    assert copy.copy(bench) == bench and pickle.loads(pickle.dumps(bench)) == bench  # noqa: S301


def test_an_attribute_error_inside_a_property_is_not_hidden():
    @public
    class Thing:
        @property
        def size(self) -> int:
            return [].length

    with pytest.raises(AttributeError, match="'list' object has no attribute 'length'"):
        Thing().size  # noqa: B018


def test_what_a_cell_prints_of_an_object_is_one_line(bench, runs):
    probe = wb.probe(runs[1])
    values = [bench, *runs, probe, probe.untrained(), probe.sae(epochs=1), bench.codes(), bench.dataset,
              wb.audit(bench, only="data"), wb.inspect_codes(bench), wb.inspect_cases(bench, runs),
              bench.evaluate(np.ones(len(bench.split.test.targets), int), name="mine")]  # fmt: skip
    for value in values:
        assert "\n" not in repr(value) and 20 < len(repr(value)) <= MOST
    for words in ("sasrec", "on synthetic", "ndcg@10 0.", "test cases", str(runs[1].folder)):
        assert words in repr(runs[1])
    assert "profile smoke, seed 0" in repr(bench) and "{'users': 300}" in repr(bench)
