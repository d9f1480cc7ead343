"""Inspect a decoder of semantic IDs: its loss by code level, its beam search, and example users."""
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from workbench.arguments import public
from workbench.data import Cases
from workbench.data.protocol import require_one_target
from workbench.diagnose.models import beam_search
from workbench.diagnose.models.codes import content_levels
from workbench.errors import UserError
from workbench.evaluate.compare import rising_note
from workbench.experiment.bench import Bench
from workbench.experiment.run import Run
from workbench.interfaces import HasBeam

SMOKE_COST = 1_000_000  # in the smoke profile, at most so many case-item pairs are scored exactly
EXAMPLES = 200  # test cases among which example users are chosen


@public
@dataclass(frozen=True)
class DecoderInspector:
    """A run that decodes semantic IDs. n_cases: test cases that are measured. beam: beam width."""

    run: Run
    n_cases: int
    beam: int

    @cached_property
    def bench(self) -> Bench:
        """The bench the run was made on."""
        return self.run.bench()

    @cached_property
    def model(self) -> Any:
        """The trained recommender."""
        return self.run.recommender()

    @cached_property
    def cases(self) -> Cases:
        """The first test cases, in the order of hashed user ids; fewer in the smoke profile on a large catalogue."""
        split, n = self.bench.split, self.n_cases
        if self.bench.profile.name == "smoke":
            n = min(n, max(20, SMOKE_COST // split.n_items))
        return split.test.take(np.arange(min(n, len(split.test.targets))))

    @cached_property
    def in_beam(self) -> np.ndarray:
        """(C, L) bool: whether the beam holds the target's prefix after each code."""
        masked = self.bench.protocol.mask_history
        beams = beam_search.run_beam_search(self.model, self.cases.histories, beam=self.beam, masked=masked)
        return beam_search.in_beam(beams, self.model.codes.trie, self.cases.targets)

    def level_pruned(self) -> np.ndarray:
        """(C,) the level, counted from 1, at which the target's prefix is pruned; 0 where it stays in the beam."""
        return beam_search.level_pruned(self.in_beam)

    def loss_by_level(self) -> pd.DataFrame:
        """Cross-entropy of the target's codes in nats, one row per level, and that of a uniform guess in the trie."""
        return self._noted(beam_search.loss_by_level(self.model, self.cases))

    def beam_widths(self, widths: tuple[int, ...] = (10, 20, 50)) -> pd.DataFrame:
        """Metrics, prefix recall and search error by beam width, and under exact scoring of the catalogue."""
        return self._noted(beam_search.beam_width_table(self.model, self.cases, widths=widths))

    def _noted(self, table: pd.DataFrame) -> pd.DataFrame:
        """The table with a note where the run was cut off in training."""
        table.attrs["note"] = rising_note([self.run])
        return table

    def example_users(self) -> tuple[int, int]:
        """A test user whose target the beam finds at the lowest rank, and one whose target is pruned latest."""
        cases = self.bench.split.test.take(np.arange(min(EXAMPLES, len(self.bench.split.test.targets))))
        codes, masked = self.model.codes, self.bench.protocol.mask_history
        beams = beam_search.run_beam_search(self.model, cases.histories, beam=self.beam, masked=masked)
        pruned = beam_search.level_pruned(beam_search.in_beam(beams, codes.trie, cases.targets))
        rank, users = beam_search.beam_ranks(beams, codes.trie, cases.targets), cases.histories.users
        late = np.where(pruned > content_levels(codes), 0.5, pruned)
        return int(users[np.argmax(rank)]), int(users[np.argmax(late)] if pruned.any() else users[np.argmin(rank)])


def inspect_decoder(run: Run, *, cases: int = 200, beam: int = 10) -> DecoderInspector:
    """Inspect how a run decodes semantic IDs: `inspect_decoder(run).loss_by_level()`. UserError if it decodes none."""
    require_one_target(run.info["protocol"]["split"], "inspect_decoder")
    if not isinstance(run.recommender(), HasBeam):
        raise UserError(f"{run.label} decodes no semantic IDs; tiger does")
    return DecoderInspector(run, cases, beam)
