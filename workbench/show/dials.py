"""The live controls of `steering`: menus of latents and users, a latent at random, and a slider that re-ranks."""
import time

import numpy as np
import pandas as pd

from workbench.data.schema import RAW
from workbench.experiment import Bench, Run, atlas
from workbench.probe.cache import Activations
from workbench.probe.dictionary import Dictionary
from workbench.probe.push import Steering
from workbench.show.latents import READ, called
from workbench.show.probe import firing
from workbench.show.steering import Listener, concept_items, concept_row, ladder, ordered, reranked
from workbench.show.tables import Table, live
from workbench.show.theme import escape, shorten
from workbench.show.user import typical_users

FAR, STEP = 4.0, 0.25  # of the slider
QUICK = 0.15  # seconds: what answers sooner follows the slider while it moves


def steer_latents(
    run: Run, cached: Activations, found: Dictionary, certified: pd.DataFrame, *, latent: int | None = None,
    user: int | None = None, n: int = 50,
) -> Table:  # fmt: skip
    """A user's lists when pushed along a latent, at several strengths; in a live notebook controls above it choose the
    latent, one of `n` users and the strength.

    certified: of `latents.latents` or `probing.certified`. latent: the one of largest certified effect if None.
    UserError where there is no such latent or user, or where no latent was tested.
    """
    bench, steering = run.bench(), atlas.steering(run, cached, found)
    latent = int(ordered(certified)[0]) if latent is None else latent
    steering.step(latent, 0.0)  # before anything is computed: is there such a latent?
    users = typical_users(bench, n).tolist()
    user = users[0] if user is None else user
    if live():
        from IPython.display import display

        dials = Dials(bench, steering, cached, certified, users if user in users else [user, *users])
        display(dials.box(latent, user))
    return ladder(Listener(bench, steering, user), latent,
                  member=concept_items(bench, steering, certified.loc[[latent]])[0])  # fmt: skip


class Dials:
    """Widgets for one dictionary. Each of `listen`, `tell` and `answer` fills what one choice changes, by functions
    that a cell could call."""

    def __init__(
        self, bench: Bench, steering: Steering, cached: Activations, certified: pd.DataFrame, users: list[int]
    ):
        self.bench, self.steering, self.certified, self.users = bench, steering, certified, users
        self.order, (self.units, self.z) = ordered(certified), atlas.unseen(cached, steering.dictionary)
        self.member = dict(zip(self.order, concept_items(bench, steering, certified.loc[self.order])))
        self.rng = np.random.default_rng()

    def box(self, latent: int, user: int):
        """All widgets, filled in for a latent and a user, to be displayed."""
        import ipywidgets

        wide, names = {"width": "36em"}, self.bench.dataset.users[RAW]
        order = self.order if latent in self.order else [latent, *self.order]
        people = [(shorten(names.loc[person], 40), person) for person in self.users]
        self.who = ipywidgets.Dropdown(options=people, value=user, description="user")
        self.which = ipywidgets.Dropdown(options=[(self.label(one), int(one)) for one in order], value=latent,
                                         description="latent", layout=wide)  # fmt: skip
        self.random = ipywidgets.Button(description="random latent")
        self.dial = ipywidgets.FloatSlider(value=0.0, min=-FAR, max=FAR, step=STEP, description="strength", layout=wide)
        # these execute what they are given: a Table escapes, and so does `escape`
        self.about, self.past, self.list = ipywidgets.HTML(), ipywidgets.HTML(), ipywidgets.HTML()
        self.listen()
        self.tell()
        self.dial.continuous_update = self.answer() < QUICK
        self.who.observe(self.listen, names="value")
        self.which.observe(self.tell, names="value")
        for control in (self.who, self.which, self.dial):
            control.observe(self.answer, names="value")
        self.random.on_click(self.draw)
        top = ipywidgets.HBox([self.which, self.random])
        return ipywidgets.VBox([top, self.about, self.who, self.past, self.dial, self.list])

    def label(self, latent: int) -> str:
        """A line of the menu."""
        row = self.certified.loc[latent]
        return f"{latent}  {called(row)}  {'✓ ' if row['certified'] else ''}{row['effect']:.1f}"

    def listen(self, _=None) -> None:
        """Another user, and what was read last."""
        self.listener = Listener(self.bench, self.steering, self.who.value)
        read = self.listener.titles(self.listener.push.histories.row(0)[-READ:], 34)
        self.past.value = f"Read last: {escape(' · '.join(read), 300)}"

    def tell(self, _=None) -> None:
        """Another latent: its concept, and where it fires."""
        latent = self.which.value
        shown = concept_row(self.certified, latent), firing(self.bench, self.units, self.z, latent, n=5)
        self.about.value = "".join(part._repr_html_() for part in shown)

    def answer(self, _=None) -> float:
        """The list as it is now; returns the seconds that it took."""
        started, latent = time.perf_counter(), self.which.value
        member = self.member.get(latent, np.zeros(self.bench.split.n_items + 1, bool))
        concept = self.certified.loc[latent, "concept"] or ""
        shown = reranked(self.listener, latent, self.dial.value, member=member, concept=concept)
        self.list.value = shown._repr_html_()
        return time.perf_counter() - started

    def draw(self, _=None) -> None:
        """A latent at random of all that were tested, certified or not."""
        self.which.value = int(self.rng.choice(self.order))
