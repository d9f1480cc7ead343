"""A synthetic world of screens: trajectories with one intent, two that are interleaved, or none, among noise."""
import zlib

import numpy as np
import pandas as pd

from workbench.data.schema import Dataset
from workbench.data.screens.assembly import assemble_screens
from workbench.errors import UserError

INTENTS = {
    "book a flight": "airport departure airline luggage boarding", "order dinner": "menu delivery restaurant pizza tip",
    "plan a workout": "muscles reps warmup treadmill stretch", "file taxes": "deduction income receipt refund form",
    "buy shoes": "sneakers size leather laces heel", "rent a flat": "landlord bedroom lease deposit balcony",
    "learn Spanish": "verbs vocabulary accent grammar lesson", "plan a party": "invitation balloons cake guest candle",
    "fix the bike": "chain brake tyre pump saddle", "see a doctor": "appointment symptom clinic prescription fever",
}  # fmt: skip
APPS, WIDGETS = ("browser", "messages", "notes", "mail", "maps", "shop"), ("list", "form", "page", "dialog")
FILLERS = ("back", "home", "search", "settings", "share", "today", "open", "news", "photo", "video", "weather", "like",
           "profile", "battery", "update", "music", "score", "friend", "scroll", "toolbar")  # fmt: skip
KINDS = ("one", "two", "noise")
SHARES = (0.4, 0.4, 0.2)  # of the trajectories
EVIDENCE = (5, 7)  # screens of an intent, fewest and most
START, STEP_MS = 1_700_000_000_000, 4_000


def load(*, users: int = 400, noise: float = 0.35, trap: float = 0.15, seed: int = 0) -> Dataset:
    """Synthetic screens; users is the number of trajectories.

    A trajectory has one intent, two whose screens alternate by chance, or none and 20 to 30 screens of noise. A screen
    of an intent shows two or three of its five words among others, one of noise shows others alone or, with chance
    `trap`, one word of some intent: an advertisement, which is evidence of nothing. noise: share of noise among the
    screens of a trajectory with intents. UserError for an option out of range.
    """
    if users < 20 or not 0 <= noise < 1 or not 0 <= trap <= 1:
        raise UserError(f"synthetic-screens: {users=} is at least 20, {noise=} from 0 to below 1, {trap=} from 0 to 1")
    rng = np.random.default_rng([seed, zlib.crc32(b"screens")])
    names, words = list(INTENTS), [text.split() for text in INTENTS.values()]
    kinds = rng.choice(3, users, p=SHARES)
    rows, profiles = [], []
    for number, kind in enumerate(kinds):
        chosen = rng.choice(len(names), 2, replace=False)[: (1, 2, 0)[kind]]
        steps = np.concatenate([np.full(rng.integers(EVIDENCE[0], EVIDENCE[1] + 1), each) for each in chosen] or [[]])
        quiet = rng.integers(20, 31) if kind == 2 else round(len(steps) * noise / (1 - noise))
        order = rng.permutation(np.concatenate([steps, np.full(quiet, -1)])).astype(int)
        for step, intent in enumerate(order):
            said = list(rng.choice(FILLERS, 4))
            if intent >= 0:
                said += list(rng.choice(words[intent], rng.integers(2, 4), replace=False))
            elif rng.random() < trap:
                said.append(rng.choice(words[rng.integers(len(words))]))
            rows.append((f"trajectory {number}", step, START + STEP_MS * step, rng.choice(APPS), rng.choice(WIDGETS),
                         " ".join(rng.permutation(said)), names[intent] if intent >= 0 else ""))  # fmt: skip
        profiles.append((f"trajectory {number}", "A", "likes " + names[rng.integers(len(names))]))
    screens = pd.DataFrame(rows, columns=["trajectory", "step", "t", "app", "widget", "text", "intents"])
    options = {"users": users, "noise": noise, "trap": trap, "seed": seed}
    about = {"title": "synthetic-screens: invented screens of interleaved intents and noise",
             "terms": "invented; free to use", "options": options}  # fmt: skip
    table = pd.DataFrame(profiles, columns=["trajectory", "profile", "text"])
    return assemble_screens("synthetic-screens", screens, table, about)
