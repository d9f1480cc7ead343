"""A conversation about music in words: what was offered, what was remarked, what came next and why."""
from typing import Any

import numpy as np
import pandas as pd

from workbench.recommenders.music.fused_music import FusedMusic
from workbench.recommenders.music.views import ClipViews, lacking_tags
from workbench.recommenders.prompts.local_model import local_model
from workbench.recommenders.prompts.templates import RULE, quoted

LONGEST = 32  # tokens of a reason


def conversation(policy: FusedMusic, episodes: np.ndarray, *, part: str = "test", model: str = "") -> pd.DataFrame:
    """A row for each episode (B,) of a part: the clip wanted, the first suggestion, the remark about it, the second
    suggestion, the rank of the clip wanted at both, and the reason for the second.

    model: a local language model that words the reasons, in the place of a template; it ranks nothing. UserError as
    `llm.load`.
    """
    world, worlds = policy.world(part), policy.worlds
    views, titles = worlds.views, worlds.titles
    query = world.reset(np.asarray(episodes, np.int64), seed=0)
    policy.start(query)
    shown = []
    for _ in range(world.horizon):
        scores = policy.act(query)
        shown.append(world.clips[scores.argmax(axis=1)])
        query = world.step(scores)[0]
    tags = lacking_tags(views, worlds.meant[world.wanted], world.offered, worlds.aspects)
    wishes = [views.tag_names[tags[[row]].indices] for row in range(len(world.wanted))]
    asked = list(zip(wishes, shown[-1]))
    if model:
        prompts = [prompt(wish, views, clip) for wish, clip in asked]
        reasons = [text.strip() for text in local_model(model).generate(prompts, max_tokens=LONGEST)]
    else:
        reasons = [reason(views, wish, clip) for wish, clip in asked]
    return pd.DataFrame({
        "wanted": titles[world.wanted], "first": titles[shown[0]], "rank, turn 1": world.ranks[0],
        "remark": [remark(wish) for wish in wishes], "second": titles[shown[-1]], "rank, turn 2": world.ranks[-1],
        "reason": reasons,
    })  # fmt: skip


def remark(tags: Any) -> str:
    """What a user says of a suggestion, a template over the tags that it lacks.

    >>> remark(["piano", "slow tempo"])
    'More piano and slow tempo, please.'
    """
    return f"More {' and '.join(tags)}, please." if len(tags) else "This is it."


def reason(views: ClipViews, wish: np.ndarray, clip: int) -> str:
    """Why a clip is suggested: which of the wishes it meets, a template over tags."""
    own = tags_of(views, clip)
    met = [tag for tag in wish if tag in own]
    if not len(wish):
        return "Nothing was missing."
    if met:
        return f"You asked for {' and '.join(wish)}; this has {' and '.join(met)}."
    return f"You asked for {' and '.join(wish)}; this does not say so, but sounds closest to it."


def prompt(wish: np.ndarray, views: ClipViews, clip: int) -> str:
    """What a language model is asked for a reason."""
    own = ", ".join(sorted(tags_of(views, clip)))
    return (f"{RULE}\nA listener asked for: {quoted(', '.join(wish) or 'nothing else')}\nMusic that is offered: "
            f"{quoted(own)}\nIn one short sentence, it is offered because")  # fmt: skip


def tags_of(views: ClipViews, clip: int) -> set[str]:
    """The tags of a clip."""
    return set(views.tag_names[views.tags[[clip]].indices])
