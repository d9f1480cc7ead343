"""A short narrative of what is recommended: from the state that recommends it, by a template or a local model."""
from typing import NamedTuple

import numpy as np
import torch

from workbench.data import Dataset, Histories
from workbench.data.critiques.attribute_differences import CRITIQUE
from workbench.embed.words import item_words
from workbench.errors import UserError
from workbench.recommenders.prompts.local_model import local_model
from workbench.recommenders.text.critiques import critique_table, said_in
from workbench.recommenders.vector import VectorRecommender

EVENTS, NAMED, TOKENS = 3, 3, 40  # titles of a history, words of a state, and tokens of an answer


class Story(NamedTuple):
    """What a narrative may say: titles of the last events, the critique ("" for none), the title of the recommended
    item, and the words that the state names."""

    titles: tuple[str, ...]
    critique: str
    item: str
    words: tuple[str, ...]

    def template(self) -> str:
        """
        >>> Story(("Black ink",), "More like this in Paper", "Avery cards", ("cards", "laser")).template()
        'You asked: "More like this in Paper". After Black ink: Avery cards (cards, laser).'
        """
        asked = f'You asked: "{self.critique}". ' if self.critique else ""
        after = f"After {', '.join(self.titles)}: " if self.titles else ""
        return f"{asked}{after}{self.item} ({', '.join(self.words)})."

    def prompt(self) -> str:
        """The request to a language model."""
        asked = f"They asked: {self.critique}.\n" if self.critique else ""
        return (f"A customer bought: {'; '.join(self.titles) or 'nothing yet'}.\n{asked}We recommend: {self.item}.\n"
                f"It is about: {', '.join(self.words)}.\nOne sentence that says why it suits them:")  # fmt: skip


def stories(recommender: VectorRecommender, dataset: Dataset, histories: Histories, items: np.ndarray) -> list[Story]:
    """What can be said of items (B,), recommended after B histories by a fitted lumen; words are those that its state
    gives most above their share over all the histories. UserError if it was trained without narrative."""
    if recommender.module.narrator is None:
        raise UserError("this lumen was trained with narrative=0, so its states name no words")
    with torch.no_grad():
        logits = recommender.module.narrator(recommender.states(histories)).log_softmax(1)
    above = (logits - logits.mean(0) if len(logits) > 1 else logits).cpu().numpy()
    _, names = item_words(dataset, logits.shape[1] - 1)
    above[:, 0] = above[:, len(names) :] = -np.inf
    best = np.argsort(-above, axis=1, kind="stable")[:, :NAMED]
    titles = dataset.titles()
    texts = {0: ""} | dict(critique_table(dataset).set_index(CRITIQUE)["text"].astype(str))
    last = histories.last(1)
    said = np.zeros(len(histories), np.int64)
    said[last.rows()] = said_in(last)
    return [
        Story(
            tuple(titles[histories.row(row)[-EVENTS:]]), texts[said[row]], titles[item], tuple(names[n] for n in words)
        )
        for row, (item, words) in enumerate(zip(np.asarray(items), best))
    ]  # fmt: skip


def narratives(told: list[Story], *, model: str = "") -> list[str]:
    """A sentence for each. model: a local language model, untuned, that writes them; "" for a template. UserError as
    `llm.load`."""
    if not model:
        return [story.template() for story in told]
    written = local_model(model).generate([story.prompt() for story in told], max_tokens=TOKENS)
    return [text.strip().split("\n")[0] for text in written]
