"""Rolling summary: an assistant that watches a screen keeps one note of what its user is about.

Paper     None; what pirf is compared with.
Idea      One summary takes all evidence. It is about what most of it speaks of, and is suggested when that is enough.
Equation  n_i = screens of intent i since the summary began;  its intent argmax_i n_i, suggested when n_i = `need`
          without any evidence for `patience` steps it is begun anew
Claim     Stands for one memory of all evidence: it suggests less noise than every screen by itself (every_screen), so
          its F1 is higher. What it loses where intents are interleaved is what threads (pirf) must gain.
Differs   -
Reported  Nothing.
"""
from workbench.recommenders.screens.assistant import ASSISTANT_RECIPE, screen_assistant
from workbench.recommenders.screens.threads import MemoryRules, ThreadMemory

PARENT = None
OFF = None
PLACEBO = None
NEEDS = ("screens",)
RECIPE = ASSISTANT_RECIPE


def build(bench, *, need=3, sure=0.5, patience=8, model=""):
    """As pirf. UserError for a setting out of range, or a dataset without screens."""
    return screen_assistant(bench, ThreadMemory(MemoryRules(1, need, sure, patience)), model=model)
