"""`probe(run, site)`: the activations of one network at one site, sparse autoencoders of them, and their evaluation.

Every method calls a stored stage of this folder, so a second call costs nothing.
"""
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix

from workbench.arguments import public
from workbench.data.protocol import require_one_target
from workbench.errors import check_names
from workbench.evaluate.compare import rising_note
from workbench.experiment.probing import by_code_level, causal_tests, concept_hierarchy, feature_dashboard, train_sae
from workbench.experiment.probing import faithfulness_by_group as groups
from workbench.experiment.probing.compare_dictionaries import compare_dictionaries
from workbench.experiment.probing.feature_table import feature_table, generated_names, item_concepts_of
from workbench.experiment.run import Run
from workbench.probing.activations.hooks import Site
from workbench.probing.activations.store import Activations
from workbench.probing.concepts.concepts import Concepts
from workbench.probing.dashboard.tables import FeatureTables
from workbench.probing.dictionaries import baselines
from workbench.probing.dictionaries.dictionary import Dictionary
from workbench.probing.interventions import faithfulness

SMOKE = {"latents": 256, "batch": 512}  # of a trained dictionary in the smoke profile
ABLATIONS = {  # by (decodes semantic IDs, smoke profile): beam search takes twenty times as long as scoring
    (False, False): {"latents": 10, "controls": 249}, (False, True): {"latents": 3, "controls": 99},
    (True, False): {"latents": 1, "controls": 39, "users": 300},
    (True, True): {"latents": 1, "controls": 39, "users": 40},
}  # fmt: skip
STEERING = {
    (False, False): {"users": 500, "controls": 20}, (False, True): {"users": 150, "controls": 5},
    (True, False): {"users": 500, "controls": 20}, (True, True): {"users": 30, "controls": 5},
}  # fmt: skip
SMOKE_USERS = 100  # of a table by code level
SMOKE_EPOCHS, MANY_POSITIONS = (30, 10), 20_000  # the second number of epochs from that many positions on


@public
@dataclass(frozen=True)
class SAE:
    """A dictionary of a probed site: a sparse autoencoder, or a baseline such as PCA. k: latents active at a time."""

    probe: "Probe"
    dictionary: Dictionary

    def __repr__(self) -> str:
        kind = self.dictionary.about.get("kind", "dictionary")
        return f"SAE {kind}, {self.latents} latents, k={self.dictionary.k}, of {self.probe}"

    @property
    def latents(self) -> int:
        """How many latents it has."""
        return self.dictionary.latents

    @cached_property
    def test(self) -> tuple[Activations, csr_matrix]:
        """Positions of the test users and its latents there, (n, m); no concept was selected on these users."""
        return train_sae.discovery_and_test(self.probe.activations, self.dictionary)[1]

    def encode(self, activations: Activations) -> csr_matrix:
        """(n, m) latents of activations such as `probe.activations`. Raises UserError where these were read at another
        site, or from other weights or data, than the dictionary was trained on."""
        return self.dictionary.encode_sparse(activations)

    def reconstruct(self, x: np.ndarray) -> np.ndarray:
        """(n, D) reconstruction of activations (n, D)."""
        return faithfulness.reconstruct(self.dictionary, x)

    def recovered(self, *, metric: str = "ndcg@10") -> pd.DataFrame:
        """The test metric with the reconstruction spliced in, with the mean and with zeros in its place."""
        return self.probe.noted(train_sae.metric_recovered(self.probe.run, *self._arguments, metric=metric))

    def recovered_by_group(self) -> pd.DataFrame:
        """The share of NDCG@10 that is recovered, for groups of held-out users."""
        return self.probe.noted(groups.faithfulness_by_group(self.probe.run, *self._arguments))

    @cached_property
    def features(self) -> pd.DataFrame:
        """One row per latent: its concept, effect size, p and q of the permutation test, precision, recall and F1 on
        test users, and a name."""
        return self.probe.noted(feature_table(self.probe.run, *self._arguments))

    def recovered_by_latent_set(self) -> pd.DataFrame:
        """The share of NDCG@10 that sets of latents recover alone, such as those that the last item predicts."""
        return self.probe.noted(
            groups.metric_by_latent_set(self.probe.run, *self._arguments, self.features), self.probe.held_out)

    def absorption(self) -> pd.DataFrame:
        """Sub-categories on which the latent of their category fails to activate, the largest gap first."""
        return self.probe.noted(concept_hierarchy.absorption_table(self.probe.run, *self._arguments))

    def ablations(self, *, latents: int = 0, controls: int = 0, users: int = 0) -> pd.DataFrame:
        """The effect of ablating the largest significant latents on the share of their concept in top-10 lists.

        latents, controls (matched latents to compare with), users: 0 for what suits the profile and the decoder.
        """
        settings = {"latents": latents, "controls": controls, "users": users}
        settings = self.probe.budget(ABLATIONS) | {name: value for name, value in settings.items() if value}
        ablations = causal_tests.ablation_table(self.probe.run, *self._arguments, self.features, **settings)
        ablations.attrs["caption"] = causal_tests.ablation_caption(ablations)
        return self.probe.noted(ablations)

    def dose_response(self, latent: int, concept: str = "", *, users: int = 0, controls: int = 0) -> pd.DataFrame:
        """The effect of steering along a latent, along rival directions and along matched latents, by strength.

        concept: by name; "" for the ten items it activates on most. users, controls: 0 for what suits the profile.
        """
        settings = {"users": users, "controls": controls}
        settings = self.probe.budget(STEERING) | {name: value for name, value in settings.items() if value}
        table = causal_tests.dose_response_table(self.probe.run, *self._arguments, latent, concept, **settings)
        return self.probe.noted(table, min(self.probe.held_out, settings["users"]))

    def steering_costs(self, dose_response: pd.DataFrame, *, gain: float = 0.2) -> pd.DataFrame:
        """The NDCG@10 lost to raise the concept's share by `gain`, one row per steering direction, cheapest first.
        dose_response: of `dose_response`."""
        return self.probe.noted(
            causal_tests.steering_costs(dose_response, gain=gain), dose_response.attrs.get("cases", 0))

    def names(self, latents: list[int], namer: str = "words") -> pd.DataFrame:
        """Names of latents from the titles they activate on, and how well each name predicts held-out activations."""
        return generated_names(self.probe.run, *self._arguments, latents, namer)

    def dashboard(self, *, latents: int = 100, sample: int = 100, users: int = 256) -> FeatureTables:
        """The tables of the feature dashboard."""
        settings = {"latents": latents, "sample": sample, "users": users}
        return feature_dashboard.feature_dashboard(self.probe.run, *self._arguments, self.features, **settings)

    @property
    def _arguments(self) -> tuple[Activations, Dictionary]:
        return self.probe.activations, self.dictionary


@public
@dataclass(frozen=True)
class Probe:
    """A run's network at one site. trained: False for the network before training, a control."""

    run: Run
    site: Site
    trained: bool = True

    def __repr__(self) -> str:
        return f"Probe at {self.site.path}{'' if self.trained else ', before training'}: {self.run}"

    @cached_property
    def activations(self) -> Activations:
        """Activations at every event of the train histories: `x` is (n, D)."""
        return train_sae.read_activations(self.run, self.site, trained=self.trained)

    @cached_property
    def concepts(self) -> Concepts:
        """The item concepts: category, brand, price band, popularity, code prefix."""
        return item_concepts_of(self.run)

    @property
    def note(self) -> str:
        """A sentence where the run was cut off in training, so that nothing follows from its figures; else ""."""
        return rising_note([self.run]) if self.trained else ""

    @cached_property
    def held_out(self) -> int:
        """How many test users no dictionary was trained on."""
        return len(causal_tests.held_out_cases(self.run, self.activations).targets)

    def noted(self, table: pd.DataFrame, cases: int = 0) -> pd.DataFrame:
        """The table with the `note`, also as the end of its caption. cases: how many users its means are of, if it has
        no column that says so; by it its numbers are rounded."""
        table.attrs |= {"cases": cases} if cases else {}
        caption = " ".join(filter(None, [table.attrs.get("caption", ""), self.note]))
        table.attrs |= {"note": self.note} | ({"caption": caption} if caption else {})
        return table

    def untrained(self) -> "Probe":
        """The same site of the network before training, a control: what a dictionary finds there was not learned."""
        return Probe(self.run, self.site, trained=False)

    def sae(
        self, kind: str = "topk", *, k: int = 8, seed: int = 0, latents: int = 0, epochs: int = 0, batch: int = 0
    ) -> SAE:
        """A dictionary of the activations, trained on six users of ten.

        kind: topk, batchtopk, relu, gated, jumprelu, matryoshka, recsae, or a baseline: pca, ica, neurons, random,
        items and others in `baselines.KINDS`. latents, epochs, batch: 0 for what suits the profile.
        Raises UserError for an unknown kind, naming the nearest.
        """
        check_names("kind of dictionary", (kind,), train_sae.KINDS)
        settings = self._settings(kind, {"latents": latents, "epochs": epochs, "batch": batch})
        return SAE(self, train_sae.train_dictionary(self.run, self.activations, kind=kind, k=k, seed=seed, **settings))

    def sweep(self, kinds: tuple[str, ...] = ("topk", "batchtopk", "pca", "random"), ks: tuple[int, ...] = (4, 8, 16)):
        """Reconstruction metrics on test users, such as the fraction of variance unexplained, a row per kind and k."""
        settings = self._settings("topk", {})
        sweep = train_sae.sparsity_sweep(self.run, self.activations, kinds=kinds, ks=ks, **settings)
        return self.noted(sweep, self.held_out)

    def compare(self, dictionaries: dict[str, list[SAE]], *, ours: str = "topk", splits: int = 5) -> pd.DataFrame:
        """Activation in significant latents by kind of dictionary, means over seeds, with the difference to `ours` and
        its 95 % interval. splits: random divisions of the items into a selection and a test half."""
        seeds = {kind: [sae._arguments for sae in saes] for kind, saes in dictionaries.items()}
        return self.noted(compare_dictionaries(self.run, seeds, ours=ours, splits=splits))

    def sparse_probing(self, dictionaries: dict[str, SAE]) -> pd.DataFrame:
        """The share of a dense probe's AUROC for categories that the best 1, 2 and 5 latents reach, one row per
        dictionary."""
        kinds = {kind: sae.dictionary for kind, sae in dictionaries.items()}
        return self.noted(concept_hierarchy.k_sparse_probing(self.run, self.activations, kinds))

    def code_levels(self, dictionaries: dict[str, SAE], *, users: int = 0) -> tuple:
        """Unexplained variance and recovered cross-entropy by code level, of a run that decodes semantic IDs. users: at
        most this many, 0 for what suits the profile."""
        users = users or (SMOKE_USERS if self.run.bench().profile.name == "smoke" else 0)
        kinds = {kind: sae.dictionary for kind, sae in dictionaries.items()}
        return by_code_level.level_tables(self.run, self.activations, kinds, users=users)

    def budget(self, sizes: dict[tuple[bool, bool], dict[str, int]]) -> dict[str, int]:
        """The sizes that suit this run's decoder and profile."""
        smoke = self.run.bench().profile.name == "smoke"
        return sizes[by_code_level.decodes_semantic_ids(self.run), smoke]

    def _settings(self, kind: str, chosen: dict[str, int]) -> dict[str, int]:
        """The settings that a kind accepts: chosen ones that are not 0, else those of the smoke profile."""
        smoke = {}
        if self.run.bench().profile.name == "smoke":
            n = len(self.activations)
            smoke = {"latents": min(SMOKE["latents"], n // 2), "batch": SMOKE["batch"],
                     "epochs": SMOKE_EPOCHS[n >= MANY_POSITIONS]}  # fmt: skip
        trained = kind in train_sae.TRAINED
        settings = (smoke if trained else {}) | {name: value for name, value in chosen.items() if value}
        if kind == "items":
            return {}
        accepted = ("latents", "epochs", "batch") if trained else baselines.settings_of(kind)
        return {name: value for name, value in settings.items() if name in accepted}


def probe(run: Run, site: str = "") -> Probe:
    """Probe a trained network at one site: `probe(run).sae(k=8).features`.

    run: for any torch module there is workbench.probing.activations.any_module.read_module. site: a module's dotted
    name, such as blocks.0.out; "" for the output of the middle block. Raises UserError where the system has no network
    to probe, or the network has no such module, naming the nearest.
    """
    require_one_target(run.info["protocol"]["split"], "probe")
    return Probe(run, train_sae.choose_site(run, site))
