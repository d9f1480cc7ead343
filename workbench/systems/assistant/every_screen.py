"""Every screen: whatever the screen of the moment speaks of is suggested, once.

Paper     None; the simplest baseline.
Idea      Without a memory nothing is lost, and every advertisement is taken for an intent.
Equation  a_t = argmax_i P(i | words of screen t), if at least `sure`, else silent
Claim     Stands for no memory: few intents are missed and noise is suggested too, high recall at low precision. A
          memory (rolling_summary, pirf) must reach a higher F1.
Differs   -
Reported  Nothing.
"""
from workbench.recommenders.screens.assistant import ASSISTANT_RECIPE, screen_assistant
from workbench.recommenders.screens.threads import NoMemory

PARENT = None
OFF = None
PLACEBO = None
NEEDS = ("screens",)
RECIPE = ASSISTANT_RECIPE


def build(bench, *, sure=0.5, model=""):
    """As pirf. UserError for a dataset without screens, or sure out of range."""
    return screen_assistant(bench, NoMemory(sure), model=model)
