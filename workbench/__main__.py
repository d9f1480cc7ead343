"""The command line over `commands`. Help and listings import no torch."""
import argparse
import inspect
import logging
import sys

from workbench import __version__
from workbench.commands import COMMANDS
from workbench.errors import STOPPED, UserError, unknown
from workbench.progress import cleared

PAIRS = ("set", "protocol", "option")


class _Parser(argparse.ArgumentParser):
    """argparse whose errors are ours: one line, exit code 2, the nearest name."""

    def error(self, message: str) -> None:
        hint = " (it comes before options that take several values)" if "required" in message else ""
        raise UserError(f"{message}{hint}; see {self.prog} --help")


def _truth(word: str) -> bool:
    """True or False as a word."""
    if word.lower() not in ("true", "false"):
        raise argparse.ArgumentTypeError(unknown("value", word, ("true", "false")))
    return word.lower() == "true"


def parser() -> argparse.ArgumentParser:
    """One sub-command a function: positional parameters are arguments, keyword-only ones are options."""
    top = _Parser(prog="workbench", description="From a raw interaction log to an honest report on a recommender.")
    top.add_argument("--version", action="version", version=__version__)
    commands = top.add_subparsers(dest="command", metavar="COMMAND", parser_class=_Parser)
    for name, function in COMMANDS.items():
        doc = inspect.getdoc(function)
        sub = commands.add_parser(name, help=doc.split(". ")[0].split("\n")[0], description=doc, allow_abbrev=False)
        for key, parameter in inspect.signature(function).parameters.items():
            if parameter.kind is parameter.POSITIONAL_OR_KEYWORD:
                sub.add_argument(key, metavar=key.upper())
            elif parameter.annotation is list:
                metavar = "NAME=VALUE" if key in PAIRS else key.upper()
                sub.add_argument(f"--{key}", nargs="+", action="extend", default=[], metavar=metavar)
            elif parameter.annotation is bool:
                sub.add_argument(f"--{key}", nargs="?", const=True, type=_truth, default=parameter.default,
                                 metavar="TRUE", help=f"default: {parameter.default}")  # fmt: skip
            else:
                shown = {"metavar": key.upper(), "help": f"default: {parameter.default!r}"}
                sub.add_argument(f"--{key}", type=parameter.annotation, default=parameter.default, **shown)
    return top


def main(argv: list[str] | None = None) -> int:
    """Run one command; a UserError is printed alone and its code is the exit status."""
    logging.basicConfig(format="%(message)s", stream=sys.stderr)
    logging.getLogger("workbench").setLevel(logging.INFO)
    for handler in logging.getLogger().handlers:
        handler.addFilter(cleared)
    argv = sys.argv[1:] if argv is None else argv
    try:
        if argv and not argv[0].startswith("-") and argv[0] not in COMMANDS:
            raise unknown("command", argv[0], COMMANDS)
        options, rest = parser().parse_known_args(argv)
        if options.command is None:
            parser().print_help()
            return 0
        given = vars(options)
        command = COMMANDS[given.pop("command")]
        if rest:
            raise unknown("option", rest[0], [f"--{name}" for name in inspect.signature(command).parameters])
        command(**given)
        return 0
    except UserError as error:
        print(f"workbench: {error}", file=sys.stderr)
        return error.code
    except KeyboardInterrupt as error:
        print(f"workbench: {str(error) or STOPPED}", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
