"""Slips of the hand at the public functions and objects: an argument of another type, a name that is not there.

`checked` wraps a function, `public` a class; both read the annotations, so that no function needs checks of its own.
"""
import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache, wraps
from numbers import Integral, Real
from pathlib import Path
from types import FunctionType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from workbench.errors import UserError, unknown_attribute, unknown_name

KINDS = {  # of classes, what they are called and where one comes from
    "int": "an integer", "float": "a number", "str": "a text", "bool": "True or False", "NoneType": "None",
    "Path": "a path", "ndarray": "a numpy array", "DataFrame": "a DataFrame", "Dataset": "a dataset: bench.dataset",
    "Bench": "a bench: wb.open_bench(...)", "Run": "a run: bench.fit('sasrec'), or bench.fit(net, name='mynet')",
    "Probe": "a probe: wb.probe(run)", "SAE": "a dictionary: wb.probe(run).sae()", "ItemCodes": "codes: bench.codes()",
    "CaseStudy": "cases: wb.inspect_cases(bench, runs)", "ItemIndex": "an index of items: wb.inspect_items(bench)",
    "Card": "a card of an audit, such as audit.graph", "LintReport": "a report: bench.lint()",
    "Activations": "activations: wb.probe(run).activations",
}  # fmt: skip
RAW = (KeyError, IndexError, TypeError, ValueError, AttributeError)  # of a table of another kind
SEED = "seed"  # the only integer that may be negative: others are counts, ids and places
MOST = 240  # characters of a repr
LISTS, DICTS = (list, tuple, Sequence), (dict, Mapping)


@cache
def checked(function: Callable) -> Callable:
    """The function with its arguments compared with their annotations first; UserError where one does not fit, is not
    known, or is missing. Where a list is due, one element stands for itself. A bare `list` or `dict` and types without
    a rule here are left to the function."""
    signature, cached_hints = inspect.signature(function), cache(lambda: get_type_hints(function))

    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        bound, hints = _bind(function, signature, args, kwargs), cached_hints()
        for name, value in bound.arguments.items():
            if name in hints and signature.parameters[name].kind not in (VARIADIC):
                bound.arguments[name] = _fitting(function, name, value, hints[name])
        try:
            return function(*bound.args, **bound.kwargs)
        except RAW as error:
            if isinstance(error, UserError) or not (tables := _tables(function, bound.arguments)):
                raise
            raise UserError(f"{function.__name__} does not fit {tables}: {error!r:.80}") from error

    return call


VARIADIC = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


def public(cls: type) -> type:
    """Class decorator: public methods are `checked`, an attribute that is not there is answered by the nearest, and the
    repr is one line of at most MOST characters."""
    for name, value in list(vars(cls).items()):
        if isinstance(value, FunctionType) and not name.startswith("_"):
            setattr(cls, name, checked(value))

    def missing(self: Any, name: str) -> Any:
        if name in dir(type(self)):  # a property, and what it computes lacks an attribute: that error is the one
            return object.__getattribute__(self, name)
        raise unknown_attribute(f"{cls.__name__!r} object", name, dir(self))

    own_repr = cls.__repr__

    def brief(self: Any) -> str:
        line = " ".join(own_repr(self).split())
        return line if len(line) <= MOST else f"{line[: MOST - 1]}…"

    cls.__getattr__, cls.__repr__ = missing, brief
    return cls


def _bind(function: Callable, signature: inspect.Signature, args: tuple, kwargs: dict) -> inspect.BoundArguments:
    try:
        return signature.bind(*args, **kwargs)
    except TypeError as error:
        named = {name: each for name, each in signature.parameters.items() if name != "self"}
        for name in kwargs:
            if name not in named:
                raise unknown_name(f"argument of {function.__name__}", name, named) from None
        parameters = [each.replace(annotation=each.empty) for each in named.values()]
        call = f"{function.__name__}{signature.replace(parameters=parameters, return_annotation=signature.empty)}"
        raise UserError(f"{function.__name__}: {error}; it is called as {call}") from None


def _fitting(function: Callable, name: str, value: Any, hint: Any) -> Any:
    """The value, or a list of it where a list is due. UserError where it does not fit the hint."""
    if _fits(value, hint):
        if hint is int and value < 0 and name != SEED:
            raise UserError(f"{function.__name__}: {name} must be 0 or more, not {value}{_about(function, name)}")
        return int(value) if hint is int else value  # of numpy's integers
    if any(_fits([value], each) for each in _choices(hint) if get_origin(each) in LISTS) and value is not None:
        return [value] if get_origin(hint) is not tuple else (value,)
    about = _about(function, name)
    raise UserError(f"{function.__name__}: {name} must be {_text(hint)}, not {_given(value)}{about}")


def _choices(hint: Any) -> tuple:
    return get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)


def _fits(value: Any, hint: Any) -> bool:
    """Whether a value is of an annotated type; True for a type without a rule. numpy's numbers count as numbers."""
    origin, parts = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return any(_fits(value, part) for part in parts)
    if origin in LISTS:
        part = parts[0] if parts else Any
        listed = not isinstance(value, str | Mapping) and isinstance(value, list | tuple | range | set | Sequence) or (
            type(value).__name__ in ("ndarray", "Index", "Series"))
        return listed and all(_fits(each, part) for each in value)
    if origin in DICTS:
        return isinstance(value, Mapping) and all(_fits(each, parts[1]) for each in value.values())
    if hint in (int, float):
        return isinstance(value, {int: Integral, float: Real}[hint]) and not isinstance(value, bool)
    if hint is bool:
        return type(value).__name__ in ("bool", "bool_")
    if hint in (Any, list, dict, tuple) or not isinstance(hint, type):
        return True
    return isinstance(value, hint)


def _text(hint: Any) -> str:
    """A type in words."""
    origin, parts = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return " or ".join(_text(part) for part in parts)
    if origin in LISTS:
        return f"a list, each {_text(parts[0])}"
    if origin in DICTS:
        return f"a dict of names, each with {_text(parts[1])}"
    return KINDS.get(getattr(hint, "__name__", ""), f"a {getattr(hint, '__name__', hint)}")


def _given(value: Any) -> str:
    """A value in a few words."""
    if value is None or isinstance(value, str | Real | Path):
        return f"{value!r:.60}"
    kind = type(value).__name__
    if isinstance(value, list | tuple) and value:
        return f"a {kind} of {len(value)}, with {_given(value[0])}"
    return f"{'an' if kind[0].lower() in 'aeio' else 'a'} {kind}"


def _about(function: Callable, name: str) -> str:
    """What the docstring says of an argument, "name: ...", in brackets; "" where it says nothing."""
    doc = " ".join((inspect.getdoc(function) or "").split())
    found = re.search(rf"\b{name}: ([^:]{{1,100}}?)(?:\.(?= |$)|;)", doc)
    return f" ({name}: {found[1]})" if found else ""


def _tables(function: Callable, arguments: dict[str, Any]) -> str:
    """The tables among the arguments by their columns, with what the docstring says they are, in words."""
    return " and ".join(
        f"{name}, a table of {', '.join(map(str, value.columns[:5]))}{_about(function, name)}"
        for name, value in arguments.items() if type(value).__name__ == "DataFrame"
    )
