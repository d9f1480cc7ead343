"""The arms of a study: the system as it is, with its idea off, with its placebo, and the training-free baselines."""
from typing import NamedTuple

from workbench import systems
from workbench.errors import UserError
from workbench.systems.catalogue import Entry, entry
from workbench.systems.verbs import VERBS
from workbench.train import RECIPE_FIELDS

ON, OFF, PLACEBO = "on", "off", "placebo"


class Arm(NamedTuple):
    """name: on, off, placebo, or that of a baseline. system: the one that is trained, which for off is the parent where
    `trains_parent`. changes: of its settings and recipe. seeds: trained."""

    name: str
    system: str
    changes: dict
    seeds: int


def arms_of(system: str, changes: dict, seeds: int) -> list[Arm]:
    """The arms of a system, all with the same budget. changes: settings and recipe fields of all its arms. Baselines
    are not trained in epochs, so one seed serves. UserError if a change touches a switch, unless it says how much a
    system selects or forgets."""
    # a training-free system that is studied is fitted from every seed all the same: its ties, text vectors and placebo
    # are drawn from the seed, and a fit takes no longer than finding out whether they matter
    own = entry(system)
    switches = {ON: {}, OFF: own.off, PLACEBO: own.placebo}
    amounts = VERBS[systems.verb(system)].keywords  # how much is selected or forgotten: off is one value of many
    for name, switch in switches.items():
        shared = set(switch or {}) & set(changes)
        if touched := sorted(key for key in shared if key not in amounts or changes[key] == switch[key]):
            raise UserError(f"{', '.join(touched)} is the switch of the arm {name!r} of {system}: leave it out")
    arms = [Arm(name, system, changes | switch, seeds) for name, switch in switches.items() if switch is not None]
    if trains_parent(own, changes):
        arms[1] = Arm(OFF, own.parent, changes, seeds)
    rules = [name for name in systems.baselines_of(system) if name != system]
    return arms + [Arm(name, name, _of_world(name, changes), 1) for name in rules]


def _of_world(name: str, changes: dict) -> dict:
    """The changes that hold for a baseline too: none for one that ranks; for a policy, a served model or one of sets,
    those of settings that it has, such as how long an episode is, as all arms are measured in one world."""
    own = systems.keywords(name) if systems.verb(name) in ("act", "observe", "prescribe") else ()
    return {key: value for key, value in changes.items() if key in own}


def trains_parent(own: Entry, changes: dict) -> bool:
    """Whether a system that is off is its parent in every setting and in its recipe, so that the parent's runs, which
    all its children share, are those of the arm that is off: both give the same scores bit for bit."""
    if own.parent is None or systems.base(own.name, systems.settings(own.name)) != own.name:
        return False
    off, parent = systems.settings(own.name, **own.off), systems.settings(own.parent)
    same = all(parent[name] == value for name, value in off.items() if name in parent)
    recipes = [systems.load(name).RECIPE for name in (own.name, own.parent)]
    return same and recipes[0] == recipes[1] and set(changes) <= {*(set(off) & set(parent)), *RECIPE_FIELDS}
