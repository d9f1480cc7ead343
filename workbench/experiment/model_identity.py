"""What makes a model of one's own the same model: the code of its classes, its attributes, and its start weights.

The code of a class of a notebook cell is found as well, with the functions, classes and constants of other cells that
its methods name. Classes of installed libraries stand for themselves by their name.
"""
import ast
import dis
import hashlib
import inspect
import linecache
import sysconfig
import textwrap
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn

from workbench.artifacts import digest
from workbench.errors import UserError

LIBRARIES = tuple({sysconfig.get_paths()[name] for name in ("stdlib", "platstdlib", "purelib", "platlib")})
PLAIN = (bool, int, float, complex, str, bytes, type(None), range, slice)


class Identity(NamedTuple):
    """Digests of a model. name: of its class. code: of its classes and what their methods name. attributes: of all
    that it holds but the numbers in parameters and buffers. start: of these numbers. text: the source of its class."""

    name: str
    code: str
    attributes: str
    start: str
    text: str

    @property
    def key(self) -> dict[str, str]:
        """What a run of this model is stored by."""
        return {"class": self.name, "code": self.code, "attributes": self.attributes, "start": self.start}


def identity(model: Any) -> Identity:
    """The identity of a model as it is now. UserError if the source of a class or function of it cannot be had."""
    walk = _Walk()
    attributes = walk.describe(model)
    start = digest(walk.arrays)
    return Identity(type(model).__name__, digest(walk.code)[:16], digest(attributes)[:16], start[:16],
                    source(type(model)) if _is_own(type(model)) else type(model).__qualname__)  # fmt: skip


class _Walk:
    """One walk over all that a model holds. code: source and bytecode. arrays: digests of weights."""

    def __init__(self):
        self.code: list[Any] = []
        self.known: list[Any] = []  # classes and functions in `code`
        self.arrays: list[str] = []
        self.learned: set[int] = set()  # ids of parameters and buffers
        self.seen: dict[int, int] = {}
        self.alive: list = []  # so that no id in `seen` is given to another object

    def describe(self, value: Any) -> Any:
        """A JSON value that is equal for equal values, whatever the process."""
        if isinstance(value, PLAIN):
            return f"{type(value).__name__} {value!r}"
        if id(value) in self.seen:
            return f"object {self.seen[id(value)]}"
        self.seen[id(value)] = len(self.seen)
        self.alive.append(value)
        if isinstance(value, torch.Tensor | np.ndarray | np.generic):
            return self._array(value)
        if isinstance(value, dict):
            return sorted([str(self.describe(k)), self.describe(v)] for k, v in value.items())
        if isinstance(value, list | tuple):
            return [type(value).__name__, *map(self.describe, value)]
        if isinstance(value, set | frozenset):
            return [type(value).__name__, *sorted(str(self.describe(part)) for part in value)]
        if isinstance(value, MethodType):
            return [self.describe(value.__func__), self.describe(value.__self__)]
        if isinstance(value, type):
            return self._class(value)
        if isinstance(value, FunctionType):
            return self._function(value)
        if isinstance(value, BuiltinFunctionType):
            return f"function {value.__module__} {value.__qualname__}"
        if isinstance(value, ModuleType):
            lines = linecache.getlines(value.__file__) if _counts(value) else []
            return f"module {value.__name__} {digest(lines)}"
        return self._object(value)

    def _array(self, value: Any) -> str:
        learned, grad = id(value) in self.learned, value.requires_grad if isinstance(value, torch.Tensor) else None
        if isinstance(value, torch.Tensor):
            tensor = value.detach().cpu().contiguous()
            dtype, data = str(tensor.dtype), tensor.view(-1).view(torch.uint8).numpy().tobytes()
        else:
            value = np.ascontiguousarray(value)
            dtype = str(value.dtype)
            data = repr(value.tolist()).encode() if value.dtype.hasobject else value.tobytes()
        content = hashlib.sha256(data).hexdigest()
        if learned:
            self.arrays.append(content)
            return f"weights {dtype} {tuple(value.shape)} {grad}"
        return f"array {dtype} {tuple(value.shape)} {grad} {content}"

    def _object(self, value: Any) -> Any:
        """Its class, and its state as pickle takes it; what pickle cannot take stands by its text."""
        if is_dataclass(value):  # not by what it has cached
            return [self._class(type(value)), *(self.describe(getattr(value, field.name)) for field in fields(value))]
        try:
            reduced = value.__reduce_ex__(4)
        except Exception:  # whatever a class raises
            reduced = repr(value)
        parts = [reduced] if isinstance(reduced, str) else reduced[1:]
        if isinstance(value, nn.Module):
            tensors = [t for name, t in value._buffers.items() if name not in value._non_persistent_buffers_set]
            self.learned |= {id(tensor) for tensor in (*value._parameters.values(), *tensors)}
            parts = [{k: v for k, v in p.items() if k != "training"} if isinstance(p, dict) else p for p in parts]
        return [self._class(type(value)), *(self.describe(list(p) if isinstance(p, Iterator) else p) for p in parts)]

    def _class(self, cls: type) -> str:
        for part in filter(_is_own, cls.__mro__):
            if part not in self.known:
                self.known.append(part)
                text = ast.dump(ast.parse(source(part)))
                constants = {k: v for k, v in vars(part).items() if not k.startswith("__") and _is_constant(v)}
                functions = [self._code(function) for function in _functions(part)]
                self.code.append([part.__qualname__, text, functions, self._apart(constants)])
        return f"class {'' if _is_own(cls) else cls.__module__} {cls.__qualname__}"

    def _function(self, function: FunctionType) -> str:
        if _in_library(inspect.unwrap(function).__code__.co_filename):
            return f"function {function.__module__} {function.__qualname__}"
        if function not in self.known:
            self.known.append(function)
            self.code.append(self._code(function))
        return f"function {function.__qualname__}"

    def _code(self, function: FunctionType) -> list:
        """The bytecode of a function, its defaults, and what is one's own of all that its names stand for."""
        code, names = function.__code__, function.__globals__
        used = {name: names[name] for name in sorted(_global_names(code)) if name in names and _counts(names[name])}
        for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=True):
            if name != "__class__":
                used[name] = cell.cell_contents
        defaults = [function.__defaults__, function.__kwdefaults__]
        return [function.__qualname__, _bytecode(code), self._apart(defaults), self._apart(used)]

    def _apart(self, value: Any) -> list:
        """A description that neither counts among the attributes nor among the arrays that training starts from."""
        walk = _Walk()
        walk.code, walk.known = self.code, self.known
        return [walk.describe(value), walk.arrays]


def source(cls: type) -> str:
    """The source of a class, also of a notebook cell. UserError if it cannot be had."""
    for function in _functions(cls):
        lines = linecache.getlines(function.__code__.co_filename)
        nodes = ast.walk(ast.parse("".join(lines))) if lines else ()
        line, found = function.__code__.co_firstlineno, None
        for node in nodes:
            if isinstance(node, ast.ClassDef) and node.name == cls.__name__ and node.lineno <= line <= node.end_lineno:
                found = node
        if found is not None:
            return textwrap.dedent("".join(lines[found.lineno - 1 : found.end_lineno]))
    try:
        return inspect.getsource(cls)
    except (OSError, TypeError) as error:
        raise UserError(f"the source of the class {cls.__qualname__} cannot be had, and a run is stored by it; define "
                        "the class in a notebook cell or in a file that is imported") from error  # fmt: skip


def _functions(cls: type) -> Iterator[FunctionType]:
    """The functions that a class body defines: methods, static and class methods, properties."""
    for value in vars(cls).values():
        parts = (value.fget, value.fset) if isinstance(value, property) else (getattr(value, "__func__", value),)
        for part in parts:
            function = inspect.unwrap(part) if callable(part) else part
            if isinstance(function, FunctionType) and function.__qualname__.startswith(f"{cls.__qualname__}."):
                yield function


def _is_constant(value: Any) -> bool:
    if isinstance(value, list | tuple | set | frozenset):
        return all(map(_is_constant, value))
    if isinstance(value, dict):
        return all(map(_is_constant, value.values()))
    return isinstance(value, (*PLAIN, torch.Tensor, np.ndarray, np.generic))


def _is_own(cls: type) -> bool:
    """Whether a class is not of Python or an installed library."""
    files = [function.__code__.co_filename for function in _functions(cls)]
    if files:
        return not all(map(_in_library, files))
    try:
        return not _in_library(inspect.getfile(cls))
    except (TypeError, OSError):  # built in, or of a cell and without a method
        return cls.__module__ == "__main__"


def _in_library(file: str) -> bool:
    return file.startswith("<frozen") or any(Path(file).is_relative_to(folder) for folder in LIBRARIES)


def _global_names(code: CodeType) -> set[str]:
    inner = [part for part in code.co_consts if isinstance(part, CodeType)]
    loads = (line.argval for line in dis.get_instructions(code) if line.opname in ("LOAD_GLOBAL", "LOAD_NAME"))
    return set(loads).union(*map(_global_names, inner))


def _counts(value: Any) -> bool:
    """Whether a global name's value is part of a model's code: functions, classes, modules and constants of one's own,
    not the objects of other cells."""
    if isinstance(value, ModuleType):
        return not _in_library(getattr(value, "__file__", None) or "<frozen")
    return isinstance(value, FunctionType) or (isinstance(value, type) and _is_own(value)) or _is_constant(value)


def _bytecode(code: CodeType) -> list:
    """What a code object does, without its lines: source that was edited but not run again differs from what runs."""
    constants = [_bytecode(part) if isinstance(part, CodeType) else
                 sorted(map(repr, part)) if isinstance(part, frozenset) else repr(part) for part in code.co_consts]
    return [code.co_code.hex(), list(code.co_names), constants]
