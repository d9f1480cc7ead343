"""The arms of a study: the system as it is, with its idea off, with its placebo, and the training-free baselines."""
from typing import NamedTuple

from workbench import systems
from workbench.errors import UserError
from workbench.systems.catalogue import entry

ON, OFF, PLACEBO = "on", "off", "placebo"


class Arm(NamedTuple):
    """name: on, off, placebo, or that of a baseline. changes: of the system's settings and recipe. seeds: trained."""

    name: str
    system: str
    changes: dict
    seeds: int


def arms_of(system: str, changes: dict, seeds: int) -> list[Arm]:
    """The arms of a system, all with the same budget. changes: settings and recipe fields of all its arms. Baselines
    are not trained in epochs, so one seed serves. UserError if a change touches a switch."""
    # a training-free system that is studied is fitted from every seed all the same: its ties, text vectors and placebo
    # are drawn from the seed, and a fit takes no longer than finding out whether they matter
    own = entry(system)
    switches = {ON: {}, OFF: own.off, PLACEBO: own.placebo}
    for name, switch in switches.items():
        if touched := sorted(set(switch or {}) & set(changes)):
            raise UserError(f"{', '.join(touched)} is the switch of the arm {name!r} of {system}: leave it out")
    arms = [Arm(name, system, changes | switch, seeds) for name, switch in switches.items() if switch is not None]
    return arms + [Arm(name, name, {}, 1) for name in systems.names("baselines") if name != system]
