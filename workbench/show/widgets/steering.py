"""The steering widget: menus of latents and users, a random latent, and a slider that re-ranks a user's list."""
import time

import numpy as np
import pandas as pd

from workbench.experiment import Bench, Run
from workbench.experiment.browse.users import typical_users
from workbench.experiment.probing import feature_dashboard
from workbench.experiment.probing.probe import SAE
from workbench.probing.activations.store import Activations
from workbench.probing.dictionaries.dictionary import Dictionary
from workbench.probing.interventions.steering import Steering
from workbench.show.dashboard.feature_card import HISTORY_SHOWN, feature_label
from workbench.show.figures.sae import top_activations
from workbench.show.tables import Table
from workbench.show.widgets import controls
from workbench.show.widgets.steering_start import largest_rise
from workbench.show.widgets.steering_tables import (
    SteeredUser,
    by_significance,
    concept_masks,
    table_feature,
    table_steered_list,
    table_strengths,
)

MAX_STRENGTH, STEP = 4.0, 0.25  # of the slider
LATENTS, USERS = 4, 20  # the first of each, among which the start is chosen
FAST = 0.15  # seconds: where an update takes less, it follows the slider while it is dragged


def explore_steering(sae: SAE, *, latent: int | None = None, user: int | None = None, n: int = 50) -> Table:
    """A user's top 10 steered along a latent at several strengths; in a live notebook widgets choose the latent, one of
    `n` users and the strength instead.

    latent, user: by default, of the first latents by effect size and the first users, the two for which the share of
    the latent's concept in the list rises most. UserError where there is no such latent or user, or where no latent was
    tested.
    """
    probe = sae.probe
    return steering_view(probe.run, probe.activations, sae.dictionary, sae.features, latent=latent, user=user, n=n)


def steering_view(
    run: Run, activations: Activations, sae: Dictionary, features: pd.DataFrame, *, latent: int | None = None,
    user: int | None = None, n: int = 50,
) -> Table:  # fmt: skip
    """`explore_steering` of its parts. features: of `concept_table` or `feature_table`."""
    bench, steering = run.bench(), feature_dashboard.steering_of(run, activations, sae)
    latents = by_significance(features)[:LATENTS].tolist() if latent is None else [latent]
    steering.step(latents[0], 0.0)  # raises where there is no such latent, before anything is computed
    users = typical_users(bench, n).tolist()
    members = concept_masks(bench, steering, features.loc[latents])
    start = largest_rise(bench, steering, latents, users[:USERS] if user is None else [user], members)
    member, concept = members[latents.index(start.latent)], features.loc[start.latent, "concept"] or ""
    steered = SteeredUser(bench, steering, start.user)
    shown = table_strengths(steered, start.latent, member=member, concept=concept)

    def make():
        return SteeringWidget(bench, steering, activations, features, users).box(*start)

    return controls.with_widgets(shown, make)


class SteeringWidget:
    """The widgets for one dictionary. `update_user`, `update_latent` and `update_list` each refresh what one choice
    changes, by functions that a cell could call."""

    def __init__(
        self, bench: Bench, steering: Steering, activations: Activations, features: pd.DataFrame, users: list[int]
    ):
        self.bench, self.steering, self.features, self.users = bench, steering, features, users
        self.order = by_significance(features)
        self.positions, z = feature_dashboard.held_out_positions(activations, steering.dictionary)
        self.z = z.tocsc()  # one column is read at a time
        self.member = dict(zip(self.order, concept_masks(bench, steering, features.loc[self.order])))
        self.rng = np.random.default_rng()

    def box(self, latent: int, user: int, strength: float = 0.0):
        """All widgets, filled in for a latent, a user and a strength, to be displayed."""
        import ipywidgets

        order = self.order if latent in self.order else [latent, *self.order]
        self.user_menu = controls.dropdown("user", controls.user_options(self.bench, self.users, user), user)
        self.latent_menu = controls.dropdown("latent", [(self.label(one), int(one)) for one in order], latent)
        self.random = ipywidgets.Button(description="random latent")
        self.strength = ipywidgets.FloatSlider(value=strength, min=-MAX_STRENGTH, max=MAX_STRENGTH, step=STEP,
                                               readout=False, layout=controls.LAYOUT)  # fmt: skip
        self.about, self.history, self.list = controls.html_area(), controls.html_area(), controls.html_area()
        self.update_user()
        self.update_latent()
        self.strength.continuous_update = self.update_list() < FAST
        controls.on_change([self.user_menu], self.update_user)
        controls.on_change([self.latent_menu], self.update_latent)
        controls.on_change([self.user_menu, self.latent_menu, self.strength], self.update_list)
        self.random.on_click(self.choose_random)
        top, dial = ipywidgets.HBox([self.latent_menu, self.random]), controls.labelled("strength", self.strength)
        return controls.vbox(top, self.about, self.user_menu, self.history, dial, self.list)

    def label(self, latent: int) -> str:
        """A latent in the menu: number, concept, ✓ if significant, effect size."""
        row = self.features.loc[latent]
        return f"{latent}  {feature_label(row)}  {'✓ ' if row['significant'] else ''}{row['effect']:.1f}"

    def update_user(self) -> None:
        """Show another user's last events."""
        self.steered_user = SteeredUser(self.bench, self.steering, self.user_menu.value)
        titles = self.steered_user.titles(self.steered_user.steered.histories.row(0)[-HISTORY_SHOWN:], 34)
        controls.show_text(self.history, f"Last events: {' · '.join(titles)}")

    def update_latent(self) -> None:
        """Show another latent's row of the feature table and its top activations."""
        latent = self.latent_menu.value
        top = top_activations(self.bench, self.positions, self.z, latent, n=5)
        controls.show_tables(self.about, table_feature(self.features, latent), top)

    def update_list(self) -> float:
        """Show the steered list; returns the seconds that it took."""
        started, latent = time.perf_counter(), self.latent_menu.value
        member = self.member.get(latent, np.zeros(self.bench.split.n_items + 1, bool))
        concept = self.features.loc[latent, "concept"] or ""
        steered = table_steered_list(self.steered_user, latent, self.strength.value, member=member, concept=concept)
        controls.show_tables(self.list, steered)
        return time.perf_counter() - started

    def choose_random(self, _=None) -> None:
        """Choose a random latent among all that were tested, significant or not."""
        self.latent_menu.value = int(self.rng.choice(self.order))
