"""A dataset of trajectories: an item is an intent, a user a trajectory, an event a screen that is evidence of it."""
import pandas as pd

from workbench.data.schema import ITEM, RAW, TIME, USER, Dataset, assemble
from workbench.data.tables import attach_tables

SCREENS, PROFILES = "screens", "profiles"  # tables; their trajectories are raw ids, of which some have no event
JOIN = "|"  # between the intents of a screen


def assemble_screens(name: str, screens: pd.DataFrame, profiles: pd.DataFrame, about: dict) -> Dataset:
    """The dataset of the screens of trajectories.

    screens: trajectory, step, t in milliseconds, app, widget, text, intents (names, joined by JOIN; "" where the screen
    is evidence of none), in the order of steps. profiles: trajectory, profile, text. A trajectory that is evidence of
    nothing has no event, and is in the table alone. UserError where no screen is evidence of anything.
    """
    evidence = screens[screens["intents"] != ""]
    evidence = evidence.assign(**{ITEM: evidence["intents"].str.split(JOIN, regex=False)}).explode(ITEM)
    events = pd.DataFrame({USER: evidence["trajectory"], ITEM: evidence[ITEM], TIME: evidence["t"] // 1000,
                           "step": evidence["step"]}).reset_index(drop=True)  # fmt: skip
    items = pd.DataFrame({RAW: events[ITEM].unique()}).assign(title=lambda table: table[RAW])
    dataset = assemble(name, events, items=items, order="time", about=about)
    return attach_tables(dataset, {SCREENS: screens, PROFILES: profiles})
