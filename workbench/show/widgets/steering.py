"""The live controls of `steering`: menus of latents and users, a latent at random, and a slider that re-ranks."""
import time

import numpy as np
import pandas as pd

from workbench.experiment import Bench, Run
from workbench.experiment.probing import feature_dashboard
from workbench.probing.activations.store import Activations
from workbench.probing.dictionaries.dictionary import Dictionary
from workbench.probing.interventions.steering import Steering
from workbench.show.dashboard.feature_card import READ, called
from workbench.show.figures.sae import firing
from workbench.show.figures.users import typical_users
from workbench.show.tables import Table
from workbench.show.widgets import controls
from workbench.show.widgets.steering_tables import Listener, concept_items, concept_row, ladder, ordered, reranked

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
    bench, steering = run.bench(), feature_dashboard.steering(run, cached, found)
    latent = int(ordered(certified)[0]) if latent is None else latent
    steering.step(latent, 0.0)  # before anything is computed: is there such a latent?
    users = typical_users(bench, n).tolist()
    user = users[0] if user is None else user
    shown = ladder(Listener(bench, steering, user), latent,
                   member=concept_items(bench, steering, certified.loc[[latent]])[0])  # fmt: skip
    controls.put(lambda: Dials(bench, steering, cached, certified, users).box(latent, user))
    return shown


class Dials:
    """Widgets for one dictionary. Each of `listen`, `tell` and `answer` fills what one choice changes, by functions
    that a cell could call."""

    def __init__(
        self, bench: Bench, steering: Steering, cached: Activations, certified: pd.DataFrame, users: list[int]
    ):
        self.bench, self.steering, self.certified, self.users = bench, steering, certified, users
        self.order, (self.units, z) = ordered(certified), feature_dashboard.unseen(cached, steering.dictionary)
        self.z = z.tocsc()  # one column is asked for at a time
        self.member = dict(zip(self.order, concept_items(bench, steering, certified.loc[self.order])))
        self.rng = np.random.default_rng()

    def box(self, latent: int, user: int):
        """All widgets, filled in for a latent and a user, to be displayed."""
        import ipywidgets

        order = self.order if latent in self.order else [latent, *self.order]
        self.who = controls.menu("user", controls.people(self.bench, self.users, user), user)
        self.which = controls.menu("latent", [(self.label(one), int(one)) for one in order], latent)
        self.random = ipywidgets.Button(description="random latent")
        self.dial = ipywidgets.FloatSlider(value=0.0, min=-FAR, max=FAR, step=STEP, readout=False, layout=controls.WIDE)
        self.about, self.past, self.list = controls.page(), controls.page(), controls.page()
        self.listen()
        self.tell()
        self.dial.continuous_update = self.answer() < QUICK
        controls.when([self.who], self.listen)
        controls.when([self.which], self.tell)
        controls.when([self.who, self.which, self.dial], self.answer)
        self.random.on_click(self.draw)
        top, strength = ipywidgets.HBox([self.which, self.random]), controls.numbered("strength", self.dial)
        return controls.stack(top, self.about, self.who, self.past, strength, self.list)

    def label(self, latent: int) -> str:
        """A line of the menu."""
        row = self.certified.loc[latent]
        return f"{latent}  {called(row)}  {'✓ ' if row['certified'] else ''}{row['effect']:.1f}"

    def listen(self) -> None:
        """Another user, and what was read last."""
        self.listener = Listener(self.bench, self.steering, self.who.value)
        read = self.listener.titles(self.listener.push.histories.row(0)[-READ:], 34)
        controls.say(self.past, f"Read last: {' · '.join(read)}")

    def tell(self) -> None:
        """Another latent: its concept, and where it fires."""
        latent = self.which.value
        where = firing(self.bench, self.units, self.z, latent, n=5)
        controls.fill(self.about, concept_row(self.certified, latent), where)

    def answer(self) -> float:
        """The list as it is now; returns the seconds that it took."""
        started, latent = time.perf_counter(), self.which.value
        member = self.member.get(latent, np.zeros(self.bench.split.n_items + 1, bool))
        concept = self.certified.loc[latent, "concept"] or ""
        controls.fill(self.list, reranked(self.listener, latent, self.dial.value, member=member, concept=concept))
        return time.perf_counter() - started

    def draw(self, _=None) -> None:
        """A latent at random of all that were tested, certified or not."""
        self.which.value = int(self.rng.choice(self.order))
