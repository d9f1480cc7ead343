"""What a family of systems does: its verb, what a build() of it returns, and how that is evaluated.

A family is a folder and a verb: a folder that is not named in `FAMILIES` ranks, and so does a system whose file has
`VERB = "rank"`.
"""
from typing import Any, NamedTuple

from workbench.errors import UserError, check_names, unknown_name


class Verb(NamedTuple):
    """returns: names of what build() returns, in interfaces, verb_interfaces or set_interfaces. evaluated: how
    `bench.fit` makes a run of it. keywords: what build() must take, a setting that `bench.fit` reads. runner: the file,
    beside that of the system and of its base, which decides what a run holds. listed: those of the keywords that may
    be a list in place of a number."""

    returns: tuple[str, ...]
    evaluated: str
    keywords: tuple[str, ...] = ()
    runner: str = ""
    listed: tuple[str, ...] = ()


ON_BASE = "experiment/around_base.py"
VERBS = {
    "rank": Verb(("Recommender",), "It is trained, and ranks the items of every test case."),
    "rescore": Verb(("Recommender", "Retrieves"), "As rank; beside it the recall of what the first stage retrieves."),
    "select": Verb(("Selector",), "Its base is trained on the events of train that it selects, and ranks the items of "
                   "every test case.", ("base", "share"), ON_BASE),
    "forget": Verb(("Unlearner",), "It makes its base, which is trained, forget users or events, and what is left "
                   "ranks the items of every test case.", ("base", "users", "events"), ON_BASE, ("users", "events")),
    "act": Verb(("Policy",), "It is trained in episodes of train, then acts in those of test, one for each case, and "
                "each is measured.", (), "experiment/online/episodes.py"),
    "observe": Verb(("Observer",), "It is trained on the events before the first window of time, then predicts window "
                    "after window, and observes each before the next.", (), "experiment/online/windows.py"),
    "prescribe": Verb(("Prescriber",), "It is trained in folds by user, and predicts the set of every visit, each "
                      "by the model that saw no visit of its user.", (), "experiment/online/prescriptions.py"),
}  # fmt: skip


class Family(NamedTuple):
    """verb: what its systems do, but those whose file says otherwise (`VERB`). metric: by which they are studied, a
    higher one is better. baselines: the family of the baselines that stand beside them in a study, or their names."""

    verb: str
    metric: str = "ndcg@10"
    baselines: str | tuple[str, ...] = "baselines"


FIXED_RULES = ("always_recommend", "greatest_entropy", "random_questions")
SLATE_RULES = ("popular_slate", "greedy_slate", "one_sample_slate")
SESSION_RULES = ("random_items", "greedy_taste", "rotating_taste", "behaviour_cloning")
RATES = ("item_rate", "overall_rate")
SET_RULES = ("popular_set", "repeat_last", "nearest_visits")
ASSISTANT_RULES = ("rolling_summary", "every_screen")
MUSIC_RULES = ("video_alone", "nearest_text", "popular_clips", "random_clips")
RANKING = Family("rank")
FAMILIES = {
    "rerank": Family("rescore"), "selection": Family("select"), "unlearning": Family("forget"),
    "conversational": Family("act", "success@15", FIXED_RULES), "bandit": Family("act", "return", SLATE_RULES),
    "session": Family("act", "return", SESSION_RULES), "streaming": Family("observe", "auc", RATES),
    "sets": Family("prescribe", "jaccard", SET_RULES),
    "music": Family("act", "recall@10", MUSIC_RULES), "assistant": Family("act", "f1", ASSISTANT_RULES),
}


def family_of(family: str, *, verb: str = "") -> Family:
    """What a family is. verb: of a system that says otherwise; one that ranks is then studied as such. UserError for a
    verb that there is not."""
    found = FAMILIES.get(family, RANKING)
    if verb and verb != found.verb:
        found = Family(verb)
    if found.verb not in VERBS:
        raise unknown_name(f"verb of the family {family!r}", found.verb, VERBS)
    return found


def interface(name: str) -> type:
    """The protocol that a verb names. UserError if there is none of that name."""
    from workbench import interfaces, set_interfaces, verb_interfaces  # numpy: not for a listing

    rooms = (interfaces, verb_interfaces, set_interfaces)
    known = {each: value for room in rooms for each, value in vars(room).items()
             if isinstance(value, type) and value.__module__ == room.__name__}  # fmt: skip
    check_names("capability", [name], known)
    return known[name]


def check_built(name: str, family: str, built: Any, *, verb: str = "") -> Any:
    """What a build() returned, if it has what its verb, by default that of its family, asks for. UserError that names
    what is missing otherwise."""
    verb = family_of(family, verb=verb).verb
    for each in VERBS[verb].returns:
        wanted = interface(each)
        if not isinstance(built, wanted):
            members = {*vars(wanted), *vars(wanted).get("__annotations__", {})} - set(dir(built))
            lacking = ", ".join(sorted(member for member in members if not member.startswith("_")))
            raise UserError(f"system {name!r} is of the family {family!r}, whose verb is {verb!r}: its build() must "
                            f"return a {each} ({wanted.__module__}); {type(built).__name__} lacks {lacking}")
    return built


def check_keywords(name: str, family: str, keywords: dict[str, Any]) -> None:
    """UserError unless build() takes the keywords of its family's verb."""
    verb = family_of(family).verb
    if lacking := [keyword for keyword in VERBS[verb].keywords if keyword not in keywords]:
        raise UserError(f"system {name!r} is of the family {family!r}, whose verb is {verb!r}: its build() must take "
                        f"the keyword {', '.join(lacking)}")  # fmt: skip
