"""Several kinds of tokenizers on the same items, side by side: their codes, cards, and the codes of unseen items."""
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from workbench.arguments import public
from workbench.diagnose.models import codes as measures
from workbench.diagnose.models.code_card import PERMUTED, cards_side_by_side, code_card
from workbench.diagnose.models.code_details import PARTS, code_details, detail_rows, what_they_tell
from workbench.diagnose.models.near_texts import near_texts
from workbench.diagnose.models.refitted_codes import TOKENIZERS, code_stability, refitted
from workbench.errors import UserError, check_names, is_integer, unknown_name
from workbench.experiment.bench import Bench
from workbench.tokens import KINDS, ItemCodes, check_settings, is_codes_folder

MENU = ("rq-kmeans", "balanced-kmeans", "rq-vae", "fsq", "pq", "category", "random")
CAPTION = ("Beside each figure its null: the same of random codes, or, where it counts which item has which codes, of "
           "these codes permuted among items. A value tells something as far as it differs from its null.")  # fmt: skip


@public
@dataclass(frozen=True)
class Tokenizers:
    """Kinds of codes of a bench's items. codes: by kind. left_out: why a kind could not be made, by kind. vectors:
    (I+1, D) the item vectors behind the kinds that read content; source: their kind."""

    bench: Bench
    codes: dict[str, ItemCodes]
    left_out: dict[str, str]
    vectors: np.ndarray
    source: str
    levels: int
    size: int

    def __repr__(self) -> str:
        left = f", left out: {', '.join(self.left_out)}" if self.left_out else ""
        return f"Tokenizers {', '.join(self.codes)}{left}, on {self.bench}"

    @cached_property
    def cards(self) -> dict[str, pd.DataFrame]:
        """The tokenizer card by kind: value, null, control, and what each figure tells."""
        given = self._known() | {"vectors": self.vectors}
        return {kind: code_card(codes, seed=self.bench.seed, **given) for kind, codes in self.codes.items()}

    @cached_property
    def detailed_cards(self) -> dict[str, pd.DataFrame]:
        """What the cards leave out, by kind: each figure by level, by interactions, by popularity; columns as of
        `code_details`."""
        given = self._known()
        try:
            given["texts"] = near_texts(self.bench.dataset)
        except UserError:  # items without text
            given["texts"] = None
        return {kind: code_details(codes, seed=self.bench.seed, **given) for kind, codes in self.codes.items()}

    @cached_property
    def stability_cards(self) -> dict[str, pd.DataFrame]:
        """`stability` of each kind that is fitted, three fits each, in columns as of `detailed_cards`."""
        rows = {kind: self.stability(kind) for kind in self.codes if kind in TOKENIZERS}
        pairs = {kind: dict(zip(frame.index, frame[["value", "null"]].itertuples(index=False, name=None)))
                 for kind, frame in rows.items()}  # fmt: skip
        return {kind: detail_rows("stability", PERMUTED, found) for kind, found in pairs.items()}

    def _known(self) -> dict:
        """What figures of codes need of the bench."""
        split = self.bench.split
        return {"labels": measures.item_categories(self.bench.dataset), "histories": split.train,
                "popularity": split.train_counts()}  # fmt: skip

    def table(self) -> pd.DataFrame:
        """The cards side by side, one row per figure: a column per kind, its null, and at the end what the figure
        tells. Kinds that are left out are in the caption."""
        return self._side_by_side(self.cards, ["control", "tells"])

    def detailed_table(self, *, stability: bool = False) -> pd.DataFrame:
        """`detailed_cards` side by side, one row per figure, as `table`, with a further column: the part. stability:
        with the figures of `stability` too, for which each kind is fitted three times again."""
        return self._side_by_side(self._details(stability), ["part", "control", "tells"])

    def _details(self, stability: bool) -> dict[str, pd.DataFrame]:
        """The detailed cards by kind, with or without the figures of stability."""
        more = self.stability_cards if stability else {}
        cards = self.detailed_cards
        return {kind: pd.concat([card, more[kind]]) if kind in more else card for kind, card in cards.items()}

    def _side_by_side(self, cards: dict[str, pd.DataFrame], about: list[str]) -> pd.DataFrame:
        """Cards by kind as one frame, with these columns of theirs at the end."""
        frame, known = cards_side_by_side(cards), pd.concat([card[about] for card in cards.values()])
        frame = frame.join(known[~known.index.duplicated()])
        frame.attrs["caption"] = " ".join([CAPTION, *self.reasons()])
        return frame

    def beside_nulls(self) -> pd.DataFrame:
        """The cards side by side to read, one row per figure and one column per kind: its value, and in brackets its
        null."""
        return self._to_read(self.table())

    def details(self, part: str = "usage") -> pd.DataFrame:
        """A part of `detailed_table` to read, as `beside_nulls`; the caption says what its figures tell.

        part: usage of the codebooks by level; interactions, the same where items count by theirs; collisions, with the
        dedup digit; meaning, of prefixes of each length; popularity, by tenth of the items; stability, three fits of
        each kind that is fitted. UserError for another name.
        """
        check_names("part of the detailed card", [part], PARTS)
        frame = self.detailed_table(stability=part == "stability")
        frame = frame[frame["part"] == part]
        shown = self._to_read(frame)
        told = "; ".join(f"{name}: {tells}" for name, tells in what_they_tell(frame.index).items())
        shown.attrs["caption"] = " ".join(filter(None, [PARTS[part], f"{told}." * bool(told), shown.attrs["caption"]]))
        return shown

    def _to_read(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Columns of values and nulls as one column per kind: value (null)."""
        shown = pd.DataFrame({kind: [f"{_short(value)} ({_short(null)})" if value == value else "" for value, null in
                                     zip(frame[kind], frame[f"{kind} null"])] for kind in self.codes})  # fmt: skip
        shown = shown.set_axis(frame.index)
        shown.attrs["caption"] = frame.attrs["caption"]
        return shown

    def meanings(self) -> pd.DataFrame:
        """What each figure of the cards tells, one row per figure, those of several codes once."""
        tells = self.table()["tells"]
        tells.index = tells.index.str.replace(", code .*", "", regex=True)
        return pd.DataFrame({"tells": tells[~tells.index.duplicated()]})

    def reasons(self) -> list[str]:
        """A sentence for each kind that is left out."""
        return [f"{kind} is left out: {why}." for kind, why in self.left_out.items()]

    def dict(self, *, stability: bool = False) -> dict:
        """The cards as JSON values: by kind and figure, with the data, the settings and what is left out. stability: as
        of `detailed_table`."""
        return {
            "dataset": self.bench.dataset.name, "data_hash": self.bench.split.data_hash, "seed": self.bench.seed,
            "vectors": self.source, "levels": self.levels, "size": self.size, "left_out": self.left_out,
            "codes": {kind: card.to_dict(orient="index") for kind, card in self.cards.items()},
            "detailed": {kind: card.to_dict(orient="index") for kind, card in self._details(stability).items()},
        }  # fmt: skip

    def unexplained(self) -> pd.DataFrame:
        """The share of the variance of the item vectors that codes leave unexplained, one row per level and one column
        per kind; kinds that do not reconstruct vectors have none."""
        left = {kind: codes.about.get("unexplained_variance") for kind, codes in self.codes.items()}
        columns = {kind: pd.Series(shares, dtype=float) for kind, shares in left.items() if shares}
        frame = pd.DataFrame(columns).set_axis(range(1, 1 + max(map(len, columns.values()), default=0)))
        frame = frame.rename_axis("level")
        frame.attrs["caption"] = "Share of the variance of the item vectors that the codes up to a level leave."
        return frame

    def by_level(self, kind: str) -> pd.DataFrame:
        """How the codebooks of a kind fill, one row per level without the dedup digit: size, used, perplexity, gini,
        and the variance left unexplained where the kind reconstructs vectors."""
        check_names("tokenizer", [kind], self.codes)
        frame = measures.usage_by_level(self.codes[kind])[["size", "used", "perplexity", "gini"]]
        left = self.codes[kind].about.get("unexplained_variance")
        frame = frame.iloc[: measures.content_levels(self.codes[kind])]
        return frame.assign(unexplained=left[: len(frame)]) if left else frame

    def unseen(self, item: int, kinds: Sequence[str] = ("rq-kmeans", "fsq")) -> pd.DataFrame:
        """The codes of an item by tokenizers that were fitted without it, one row per kind: how many known items have
        its first code, how many of them are of its category, and the first of them by frequency in train. UserError for
        a kind that cannot encode new items."""
        from workbench.experiment.browse.item_index import ItemIndex

        if not is_integer(item, 1, len(self.vectors) - 1):
            raise UserError(f"item {item!r}: items are 1 to {len(self.vectors) - 1}")
        index, labels, rows = ItemIndex(self.bench), measures.item_categories(self.bench.dataset), {}
        for kind in kinds:
            codes = refitted(kind, self.vectors, without=np.array([item]), levels=self.levels, size=self.size,
                             seed=self.bench.seed)  # fmt: skip
            group = codes.trie.items(1, int(codes.trie.node[item, 1]))
            group = group[group != item]
            rows[kind] = {"codes": codes.code_string(item), "items with its first code": len(group)}
            if labels is not None:
                rows[kind]["of its category"] = float((labels[group] == labels[item]).mean()) if len(group) else np.nan
            frequent = group[np.argsort(-index.train_counts[group], kind="stable")[:3]]
            rows[kind]["most frequent of them"] = ", ".join(index.titles[frequent])
        return pd.DataFrame.from_dict(rows, orient="index").rename_axis("tokenizer")

    def stability(self, kind: str = "rq-kmeans") -> pd.DataFrame:
        """Whether another seed gives other codes, by length of the prefix, or a tenth more items other first codes: one
        row each, value and null; three fits. UserError for a kind that is not fitted."""
        return code_stability(kind, self.vectors, levels=self.levels, size=self.size, seed=self.bench.seed)


def _short(value: float) -> str:
    """Three digits of a number, without the sign of a zero."""
    return f"{round(value, 4) + 0.0:.3g}"


def check_kinds(kinds: Sequence[str]) -> None:
    """UserError for no kind, or names that are neither kinds of codes nor folders of saved ones: all of them at once,
    with the nearest name of the first."""
    wrong = [kind for kind in kinds if not is_codes_folder(kind) and kind not in KINDS]
    if not kinds:
        raise UserError(f"no kind of item codes given; allowed: {', '.join(KINDS)}")
    if wrong:
        more = f" (and {', '.join(map(repr, wrong[1:]))})" if wrong[1:] else ""
        raise UserError(f"{unknown_name('kind of item codes', wrong[0], KINDS)}{more}")


def inspect_tokenizers(
    bench: Bench, kinds: Sequence[str] = MENU, *, vectors: str = "", levels: int = 3, size: int = 0, dim: int = 128
) -> Tokenizers:
    """Several kinds of semantic IDs of a bench's items, side by side: `inspect_tokenizers(bench).table()` has the
    statistics of each, beside the values that they have by chance.

    kinds: of `workbench.tokens.KINDS`, or folders of saved codes. Kinds that the data does not allow are left out, and
    say why. vectors, levels, size, dim: as of `inspect_codes`. UserError for an unknown kind, before anything is made,
    for settings that are invalid, or if no kind can be made.
    """
    check_kinds(kinds)
    source, made, left = vectors or bench.default_vectors, {}, {}
    check_settings("random", bench.dataset.n_items, levels=levels, size=size, policy="dedup", normalize=False,
                   seed=bench.seed)  # fmt: skip
    rows = bench.vectors(source, dim=dim)
    for kind in dict.fromkeys(kinds):
        shape = {} if is_codes_folder(kind) else {"levels": levels, "size": size}
        try:
            made[kind] = bench.codes(kind, vectors=source, dim=dim, **shape)
        except UserError as error:
            left[kind] = str(error)
    if not made:
        reasons = "; ".join(f"{kind}: {why}" for kind, why in left.items())
        raise UserError(f"none of these kinds can be made: {reasons}", code=3)
    return Tokenizers(bench, made, left, rows, source, levels, size)
