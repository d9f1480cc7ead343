"""The command line: `python -m workbench` runs the functions in workbench.cli.commands. Help does not import torch."""
import argparse
import inspect
import logging
import os
import select
import sys
from collections.abc import Callable

from workbench import __version__
from workbench.cli.arguments import (
    GROUPS,
    VALUE,
    count,
    mark_values,
    number,
    pair_of,
    unmark_values,
    whole_number,
)
from workbench.cli.commands import COMMANDS
from workbench.errors import INTERRUPTED, UserError, unknown_name
from workbench.interruption import stopped_once
from workbench.progress import clear_progress_bar

COUNTS = ("k", "seeds", "jobs")  # options that are at least 1
PAIRS = ("set", "protocol", "option")  # options that take NAME=VALUE arguments


class _Once(logging.Filter):
    """Says a warning once: a study of ten fits opens the same log ten times."""

    def __init__(self):
        super().__init__()
        self.said: set[str] = set()

    def filter(self, record: logging.LogRecord) -> bool:
        text = record.getMessage()
        known = record.levelno >= logging.WARNING and text in self.said
        self.said.add(text)
        return not known


class _Parser(argparse.ArgumentParser):
    """An argument parser that raises a UserError instead of printing its usage."""

    def error(self, message: str) -> None:
        hint = " (it comes before options that take several values)" if "required" in message else ""
        message = message.replace(VALUE, "").replace(repr(VALUE)[1:-1], "")
        raise UserError(f"{message}{hint}; see {self.prog} --help")


def _parse_bool(text: str) -> bool:
    """True or False from "true" or "false", in any case."""
    if text.lower() not in ("true", "false"):
        raise argparse.ArgumentTypeError(unknown_name("value", text, ("true", "false")))
    return text.lower() == "true"


def parser() -> argparse.ArgumentParser:
    """The argument parser: one sub-command per function; its keyword-only parameters are options."""
    description = "Train, evaluate, probe and audit recommender systems, from a raw interaction log to a report."
    top = _Parser(prog="workbench", description=description)
    top.add_argument("--version", action="version", version=__version__)
    commands = top.add_subparsers(dest="command", metavar="COMMAND", parser_class=_Parser)
    for name, function in COMMANDS.items():
        doc = inspect.getdoc(function)
        summary = doc.split(". ")[0].split("\n")[0].rstrip(".")
        sub = commands.add_parser(name, help=summary, description=doc, allow_abbrev=False)
        for parameter in _parameters(function):
            key = parameter.name
            if _is_positional(parameter):
                sub.add_argument(key, metavar=key.upper())
            elif parameter.annotation is list:
                metavar = "NAME=VALUE" if key in PAIRS else key.upper()
                sub.add_argument(f"--{key}", nargs="+", action="extend", default=[], metavar=metavar)
            elif parameter.annotation is bool:
                sub.add_argument(f"--{key}", nargs="?", const=True, type=_parse_bool, default=parameter.default,
                                 metavar="TRUE", help=f"default: {parameter.default}")  # fmt: skip
            else:
                kinds = {int: count if key in COUNTS else whole_number, float: number}
                kind = kinds.get(parameter.annotation, parameter.annotation)
                sub.add_argument(f"--{key}", type=kind, default=parameter.default,
                                 metavar=key.upper(), help=f"default: {parameter.default!r}")  # fmt: skip
    return top


def _parameters(command: Callable) -> list[inspect.Parameter]:
    """The parameters of a command, those of a group of options each for itself; without what follows --."""
    given = inspect.signature(command).parameters.values()
    groups = [inspect.signature(each.annotation).parameters.values() if each.annotation in GROUPS else [each]
              for each in given if each.kind is not each.VAR_POSITIONAL]  # fmt: skip
    return [parameter for group in groups for parameter in group]


def _is_positional(parameter: inspect.Parameter) -> bool:
    """Whether a parameter of a command is given by its place, as SYSTEM is, and not by a name."""
    return parameter.kind is parameter.POSITIONAL_OR_KEYWORD and parameter.default is parameter.empty


def _option_names(command: Callable) -> list[str]:
    """The names of the options of a command, as its signature defines them."""
    return [f"--{parameter.name}" for parameter in _parameters(command) if not _is_positional(parameter)]


def _passes_on(command: Callable) -> bool:
    """Whether a command passes on what follows --, to another program."""
    return any(each.kind is each.VAR_POSITIONAL for each in inspect.signature(command).parameters.values())


def _split_passed(argv: list[str]) -> tuple[list[str], list[str]]:
    """The arguments of a command, and those after -- where it passes them on."""
    if "--" not in argv or argv[0] not in COMMANDS or not _passes_on(COMMANDS[argv[0]]):
        return argv, []
    return argv[: argv.index("--")], argv[argv.index("--") + 1 :]


def _unknown_option(command: Callable, rest: list[str]) -> UserError:
    """The error for an option that a command lacks; where it is a name of a dataset, a system or the protocol, how that
    is written."""
    name = command.__name__
    own, _, value = rest[0].partition("=")
    value = value or next((text for text in rest[1:2] if not text.startswith("--")), "VALUE")
    if pair := pair_of(own.removeprefix("--"), set(inspect.signature(command).parameters)):
        return UserError(f"{name} has no option {own}: write --{pair} {own.removeprefix('--')}={value}")
    places = [parameter.name for parameter in _parameters(command) if _is_positional(parameter)]
    if own.removeprefix("--") in places:
        return UserError(f"{name} has no option {own}: it is given without a name, workbench {name} {own[2:].upper()}")
    options = sorted(_option_names(command))
    error = unknown_name("option", rest[0], options)
    if not own.startswith("-"):
        error = f"{name} does not take {own!r} without the name of an option; options: {', '.join(options) or 'none'}"
    if os.path.isfile(own):
        return UserError(f"{error}. A log of your own is --dataset csv --option path={own}")
    hint = f". Options of JupyterLab come after --: workbench {name} -- {' '.join(rest)}" if _passes_on(command) else ""
    return UserError(f"{error}{hint}")


def main(argv: list[str] | None = None) -> int:
    """Run one command and return its exit status. A UserError is printed without a traceback."""
    logging.basicConfig(format="%(message)s", stream=sys.stderr)
    logging.getLogger("workbench").setLevel(logging.INFO)
    once, handlers = _Once(), list(logging.getLogger().handlers)
    for handler in handlers:
        handler.addFilter(once)
        handler.addFilter(clear_progress_bar)
    try:
        with stopped_once(at_exit=argv is None):
            _run(sys.argv[1:] if argv is None else argv)
            sys.stdout.flush()
        return 0
    except BrokenPipeError:
        if not _output_is_closed():
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python would flush again at its end
        return 0
    except UserError as error:
        _say(error, str(error))
        return error.code
    except KeyboardInterrupt as error:
        _say(error, str(error) or INTERRUPTED)
        return 130
    finally:
        for handler in handlers:
            handler.removeFilter(once)


def _output_is_closed() -> bool:
    """Whether whoever reads the output has enough, as `head` does."""
    poll = select.poll()
    poll.register(sys.stdout, select.POLLOUT)
    return any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0))


def _say(error: BaseException, message: str) -> None:
    """Print an error, unless another process of the same training does."""
    from workbench.train import distributed

    if distributed.speaks(error):
        print(f"workbench: {message}", file=sys.stderr)


def _join_training(command: Callable) -> None:
    """Under torchrun: only the first process writes to the terminal. UserError for another command than fit."""
    from workbench.train import distributed

    if distributed.size() > 1 and command is not COMMANDS["fit"]:
        raise UserError(f"torchrun is for workbench fit, not for {command.__name__}")
    if distributed.rank():
        logging.disable()
        os.environ["WORKBENCH_PROGRESS"] = "none"


def _run(argv: list[str]) -> None:
    """Run one command, or print the help of all."""
    if argv and not argv[0].startswith("-") and argv[0] not in COMMANDS:
        raise unknown_name("command", argv[0], COMMANDS)
    argv, passed = _split_passed(argv)
    options, rest = parser().parse_known_args(mark_values(argv))
    if options.command is None:
        parser().print_help()
        return
    arguments = {name: unmark_values(value) for name, value in vars(options).items()}
    command = COMMANDS[arguments.pop("command")]
    if "TORCHELASTIC_RUN_ID" in os.environ:
        _join_training(command)
    if rest:
        raise _unknown_option(command, [unmark_values(text) for text in rest])
    for key, parameter in inspect.signature(command).parameters.items():
        if parameter.annotation in GROUPS:
            group = parameter.annotation
            arguments[key] = group(*(arguments.pop(field) for field in group._fields))
    command(*passed, **arguments)


if __name__ == "__main__":
    sys.exit(main())
