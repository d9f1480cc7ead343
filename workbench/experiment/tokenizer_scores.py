"""The same recommender on the codes of every tokenizer: which figure of their cards goes with a better score?"""
from collections.abc import Sequence

import pandas as pd

from workbench.errors import UserError, is_integer
from workbench.experiment.bench import Bench
from workbench.experiment.browse.tokenizers import MENU, Tokenizers, check_kinds, inspect_tokenizers
from workbench.systems import keywords

METRIC = "ndcg@10"
ENOUGH = 5  # kinds, below which a rank correlation means nothing


def tokenizer_scores(
    bench: Bench, kinds: Sequence[str] = MENU, *, system: str = "tiger", seeds: int = 2, **changes
) -> pd.DataFrame:
    """NDCG@10 of a system on the codes of each kind, best first, beside the value by kind of each figure of the card.

    Columns: ndcg@10, the mean over seeds from the bench's on; lowest and highest, of the seeds; then the figures.
    attrs["cards"] has the `Tokenizers`. changes: of the system's settings and recipe, the same for all. The sizes of
    the codes are the kinds' defaults. UserError for an unknown kind, a system that takes no codes, or no kind that the
    data allows.
    """
    check_kinds(kinds)
    if "codes" not in keywords(system):
        raise UserError(f"{system} does not take codes=: choose a system that trains on given codes, such as tiger")
    if not is_integer(seeds, 1, 100):
        raise UserError(f"seeds={seeds!r} is a number of trainings, 1 to 100")
    tokenizers = inspect_tokenizers(bench, kinds)
    benches = [bench, *(bench.variant(seed=bench.seed + n) for n in range(1, seeds))]
    rows = {}
    for kind in tokenizers.codes:
        scores = [each.fit(system, codes=kind, **changes).metrics[METRIC] for each in benches]
        rows[kind] = {METRIC: sum(scores) / seeds, "lowest": min(scores), "highest": max(scores)}
    frame = pd.DataFrame.from_dict(rows, orient="index").join(_figures(tokenizers))
    frame = frame.sort_values(METRIC, ascending=False, kind="stable").rename_axis("tokenizer")
    frame.attrs |= {"cards": tokenizers, "caption": " ".join(
        [f"{system} on {bench.dataset.name}, {seeds} seeds of each kind of codes.", *tokenizers.reasons()]
    )}  # fmt: skip
    return frame


def figures_with_scores(scores: pd.DataFrame) -> pd.DataFrame:
    """Of each figure of the card the rank correlation with NDCG@10 over the kinds (Spearman), strongest first.

    kinds: how many kinds have the figure; figures of fewer than 5, or equal for all, are left out. With seven kinds
    |rho| must be over .79 to differ from 0 at 5 %, for one figure chosen beforehand; here the best of many is on top.
    """
    rows = {}
    for name in scores.columns[3:]:
        both = scores[[METRIC, name]].dropna()
        if len(both) >= ENOUGH and both[name].nunique() > 1:
            rows[name] = {"spearman": both[METRIC].corr(both[name], method="spearman"), "kinds": len(both)}
    frame = pd.DataFrame.from_dict(rows, orient="index", columns=["spearman", "kinds"]).rename_axis("figure")
    return frame.sort_values("spearman", key=lambda rho: -rho.abs(), kind="stable")


def _figures(tokenizers: Tokenizers) -> pd.DataFrame:
    """(kinds, figures) the values of the cards."""
    return pd.DataFrame({kind: card["value"] for kind, card in tokenizers.cards.items()}).T
