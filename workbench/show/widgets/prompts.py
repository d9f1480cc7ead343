"""A re-ranker's prompt for a user, with its letters' probabilities, under a button that shuffles the letters."""
import pandas as pd

from workbench.experiment.browse.lettered_prompts import LetteredPrompts
from workbench.experiment.browse.users import typical_users
from workbench.show.tables import Table, table
from workbench.show.widgets import controls

SHUFFLES = 10  # that the button goes through
LINE = 200  # characters of a line of a prompt; a template quotes fewer of a title


def explore_prompt(prompts: LetteredPrompts, user: int, *, shuffle: int = 0, n: int = 30) -> Table:
    """The letters of a user's prompt: the title behind each, its probability, and the candidate's place before and
    after; in a live notebook a menu of `n` users and a button that shuffles the letters above it, and the prompt below.
    UserError for a user without a test case."""
    first = _answers(prompts, user, shuffle)
    return controls.with_widgets(first, lambda: _widgets(prompts, user, shuffle, n))


def _answers(prompts: LetteredPrompts, user: int, shuffle: int) -> Table:
    frame = prompts.answers(user, shuffle)
    reader = "a language model" if prompts.reads_words else "a small network of ours, in the place of a language model"
    frame.attrs["caption"] = (f"Shuffle {shuffle} of the letters, answered by {reader}. Places: before, in the first "
                              "stage's order; after, by these probabilities; in the run, by the mean over its "
                              f"{prompts.settings['shuffles']} shuffles.")  # fmt: skip
    if not frame["held out"].any():
        frame.attrs["caption"] += " No held-out item is among the candidates, so that no order of theirs helps."
    return table(frame, digits=3)


def _lines(prompts: LetteredPrompts, user: int, shuffle: int) -> Table:
    """The prompt, a line a row, as text."""
    return table(pd.DataFrame({"the prompt": prompts.text(user, shuffle).split("\n")}), index=False, length=LINE)


def _widgets(prompts: LetteredPrompts, user: int, shuffle: int, n: int):
    """A menu of users, the number of the shuffle with a button for the next one, the letters, and the prompt."""
    users = typical_users(prompts.bench, n).tolist()
    menu = controls.dropdown("user", controls.user_options(prompts.bench, users, user), user)
    number, area = controls.slider(0, max(shuffle, SHUFFLES - 1), shuffle, follow=False), controls.html_area()

    def press() -> None:
        number.value = (number.value + 1) % (number.max + 1)

    def update() -> None:
        case = prompts, menu.value, number.value
        controls.show_tables(area, _answers(*case), _lines(*case))

    update()
    controls.on_change([menu, number], update)
    button = controls.button("shuffle the letters", press)
    return controls.vbox(menu, button, controls.labelled("shuffle", number), area)
