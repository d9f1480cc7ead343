"""A planner that asks a local language model of which categories items are to be shown."""
import numpy as np
from torch import nn

from workbench.envs.sessions import Observation
from workbench.llm.causal_lm import CausalLM
from workbench.recommenders.sessions.categories import best, places
from workbench.recommenders.sessions.features import recent_counts
from workbench.recommenders.sessions.vector_policy import Played

PRIOR = "The next category:"
LIKED = 2  # of the user's categories that are named


class AskedModel:
    """A `vector_policy.Planner`: the `keep` categories whose names a language model finds likeliest after being told
    what the user likes best and what was shown in the last steps, beyond how likely they are after nothing. It does not
    learn; an answer is asked for once. names: (C,) of the categories."""

    def __init__(self, model: CausalLM, names: list[str], categories: np.ndarray, *, keep: int):
        self.model, self.names, self.categories, self.keep = model, names, categories, keep
        self.module, self.answers = nn.Module(), {}

    def prompt(self, liked: tuple[int, ...], shown: tuple[int, ...]) -> str:
        """What the model is told. liked, shown: categories."""
        said = ", ".join(self.names[category] for category in liked)
        lately = ", ".join(self.names[category] for category in shown) or "nothing"
        return (f"A user who tires of repeats likes {said} best. Shown in the last steps: {lately}. Show what the user "
                f"likes and has not just seen. {PRIOR}")  # fmt: skip

    def allowed(self, observation: Observation, *, exploring: bool, seed: int) -> np.ndarray:
        """(B, C) bool, `keep` of each row."""
        order = np.argsort(places(observation.profile), axis=1)[:, :LIKED]
        shown = recent_counts(observation, self.categories) > 0
        asked = [(tuple(liked), tuple(np.flatnonzero(lately))) for liked, lately in zip(order.tolist(), shown)]
        if new := sorted(set(asked) - set(self.answers)):
            continuations = [f" {name}" for name in self.names]
            found = self.model.log_prob([self.prompt(*each) for each in new], continuations, prior_prompt=PRIOR)
            self.answers |= dict(zip(new, found, strict=True))
        return best(np.stack([self.answers[each] for each in asked]), self.keep)

    def learn(self, played: Played) -> None:
        """Nothing."""
