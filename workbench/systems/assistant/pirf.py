"""PIRF: an assistant that watches a screen keeps a thread for each thing its user is about, and deletes idle ones.

Paper     Chai, Tang, Xiao, Liu and Li, "PIRA-Bench: A transition from reactive GUI agents to GUI-based proactive intent
          recommendation agents", 2026, arXiv:2603.08013. After its abstract and a description.
Idea      What people do on a screen is interleaved and full of noise. A memory of threads, each with its evidence and
          its state, lets every intent gather evidence by itself; reflection deletes what only noise has started.
Equation  thread = (id, intent, evidence steps, state in forming, ready, suggested, done, dropped)
          evidence of a screen: argmax_i P(i | words), if that is no "nothing" and at least `sure`; it goes into the
          thread of i, a new one, or the newest where none is free;  forming -> ready at `need` screens
          reflection: a thread without evidence for `patience` steps is dropped, or done if it was suggested
Claim     Interleaved intents are found about as well as single ones; one rolling summary (off) loses one of two where
          the other leads throughout, and threads that take any evidence (the placebo) lose more. Noise alone suggests
          next to nothing.
Differs   A test of mechanisms, not the benchmark: a screen is a text (app, widget, words), its intents are those of a
          list, and what it speaks of is said by naive Bayes over words, learned from the train trajectories; with
          model= a local language model is asked instead, by letters. So a thread's description is the name of its
          intent, and its reflection a rule. Profiles of users are not read. Nothing is learned of when to speak.
Reported  Precision, recall and F1 of recommended intents, hallucination on noise, and a score of both on PIRA-Bench,
          whose true intents are not published; the figures were not found.
"""
from workbench.recommenders.screens.assistant import ASSISTANT_RECIPE, screen_assistant
from workbench.recommenders.screens.threads import MemoryRules, ThreadMemory

PARENT = "rolling_summary"
OFF = {"threads": 1}
PLACEBO = {"route": "random"}
NEEDS = ("screens",)
RECIPE = ASSISTANT_RECIPE


def build(bench, *, threads=6, need=3, sure=0.5, patience=8, route="intent", model=""):
    """threads: at most, at a time; 1 is rolling_summary. need: screens of evidence before a suggestion. sure: least
    probability at which a screen is evidence. patience: steps after which an idle thread is deleted; 0 keeps all.
    route: intent; random, any evidence goes into any thread, the placebo. model: a local language model that says what
    a screen is about. UserError for a setting out of range, or a dataset without screens."""
    return screen_assistant(bench, ThreadMemory(MemoryRules(threads, need, sure, patience, route)), model=model)
