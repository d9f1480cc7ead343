"""What a family of systems does: its verb, what a build() of it returns, and how that is evaluated.

A family is a folder and a verb: a folder that is not named in `FAMILIES` ranks.
"""
from typing import Any, NamedTuple

from workbench.errors import UserError, unknown_name


class Verb(NamedTuple):
    """returns: names of what build() returns, in workbench.interfaces or workbench.verb_interfaces. evaluated: how
    `bench.fit` makes a run of it; "" where it does not yet. keywords: what build() must take, a setting that
    `bench.fit` reads. runner: the file, beside that of the system and of its base, which decides what a run holds."""

    returns: tuple[str, ...]
    evaluated: str
    keywords: tuple[str, ...] = ()
    runner: str = ""


ON_BASE = "experiment/around_base.py"
VERBS = {
    "rank": Verb(("Recommender",), "It is trained, and ranks the items of every test case."),
    "rescore": Verb(("Recommender", "Retrieves"), "As rank; beside it the recall of what the first stage retrieves."),
    "select": Verb(("Selector",), "Its base is trained on the events of train that it selects, and ranks the items of "
                   "every test case.", ("base", "share"), ON_BASE),
    "forget": Verb(("Unlearner",), "It forgets users of its base, which is trained, and what it makes of it ranks the "
                   "items of every test case.", ("base", "users"), ON_BASE),
    "act": Verb(("Policy",), ""),
    "observe": Verb(("Observer",), ""),
}  # fmt: skip
FAMILIES = {
    "rerank": "rescore", "selection": "select", "unlearning": "forget", "conversational": "act", "bandit": "act",
    "session": "act", "streaming": "observe",
}  # fmt: skip


def verb_of(family: str) -> str:
    """The verb of a family. UserError if the family declares one that there is not."""
    verb = FAMILIES.get(family, "rank")
    if verb not in VERBS:
        raise unknown_name(f"verb of the family {family!r}", verb, VERBS)
    return verb


def interface(name: str) -> type:
    """The protocol that a verb names."""
    from workbench import interfaces, verb_interfaces  # numpy: not for a listing

    return (vars(interfaces) | vars(verb_interfaces))[name]


def check_built(name: str, family: str, built: Any) -> Any:
    """What a build() returned, if it has what its verb asks for. UserError that names what is missing otherwise."""
    verb = verb_of(family)
    for each in VERBS[verb].returns:
        wanted = interface(each)
        if not isinstance(built, wanted):
            members = {*vars(wanted), *vars(wanted).get("__annotations__", {})} - set(dir(built))
            lacking = ", ".join(sorted(member for member in members if not member.startswith("_")))
            raise UserError(f"system {name!r} is of the family {family!r}, whose verb is {verb!r}: its build() must "
                            f"return a {each} ({wanted.__module__}); {type(built).__name__} lacks {lacking}")
    return built


def check_keywords(name: str, family: str, keywords: dict[str, Any]) -> None:
    """UserError unless build() takes the keywords of its verb."""
    verb = verb_of(family)
    if lacking := [keyword for keyword in VERBS[verb].keywords if keyword not in keywords]:
        raise UserError(f"system {name!r} is of the family {family!r}, whose verb is {verb!r}: its build() must take "
                        f"the keyword {', '.join(lacking)}")  # fmt: skip
