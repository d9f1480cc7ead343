"""Files in the layout of Amazon-M2 with planted traps: written for tests, nothing of the real sessions."""
from pathlib import Path

import numpy as np
import pandas as pd

PRODUCTS = [("A1", "UK", "Red mug", "9.5"), ("A2", "UK", "Blue mug", "8"), ("A3", "UK", "Kettle", "30"),
            ("A1", "DE", "Rote Tasse", "11"), ("A2", "DE", "Blaue Tasse", "12"), ("A1", "ES", "Taza roja", "10"),
            ("A3", "ES", "Hervidor", "33"), ("A2", "FR", "Tasse bleue", "9"), ("A3", "FR", "Bouilloire", "31"),
            ("A1", "IT", "Tazza rossa", "10"), ("A2", "JP", "Mug", "900")]  # fmt: skip
# printed arrays: with a line break, with a repeated target, broken in three ways, one that numpy shortened
SESSIONS = [("['A1' 'A2']", "A3", "UK"), ("['A1'\n 'A3'\n 'A1']", "A1", "UK"), ("['A1' 'A2", "A1", "UK"),
            ("A1 A2", "A1", "DE"), ("['A1' 'A2']", "A1", "DE"), ("['A1' ... 'A9']", "A2", "DE"), ("", "A2", "DE"),
            ("['A9' 'A3']", "A1", "ES"), ("['A2']", "A3", "FR"), ("['A2' 'A2']", "A2", "JP")]  # fmt: skip
TEST = [(["A1", "A3"], "A1", "ES"), (["A3"], "A2", "FR"), (["A1", "A1"], "A1", "IT")]


def write(folder: Path, sessions: list = SESSIONS, products: list = PRODUCTS, test: list = TEST) -> Path:
    """The folder amazon-m2 in it, with the train files and the public test of task 2."""
    home = folder / "amazon-m2"
    (home / "task2" / "public_test").mkdir(parents=True, exist_ok=True)
    table = pd.DataFrame(products, columns=["id", "locale", "title", "price"])
    for name in ("brand", "color", "size", "model", "material", "author", "desc"):
        table[name] = np.where(table["id"] == "A1", f"a {name}", None)
    table.to_csv(home / "products_train.csv", index=False)
    pd.DataFrame(sessions, columns=["prev_items", "next_item", "locale"]).to_csv(
        home / "sessions_train.csv", index=False
    )
    items, truth, locale = zip(*test)
    pd.DataFrame({"prev_items": items, "locale": locale}).to_parquet(home / "task2/public_test/sessions_test.parquet")
    pd.DataFrame({"next_item": truth, "locale": locale}).to_parquet(
        home / "task2/public_test/DONT_SHARE_gt_test.parquet"
    )
    return home


def many(n: int, seed: int = 0) -> tuple[list, list]:
    """(sessions, products): n sessions of six locales over 40 products each; product p is followed by p + 1."""
    rng = np.random.default_rng(seed)
    locales = rng.choice(["UK", "DE", "JP", "ES", "FR", "IT"], n, p=[0.3, 0.25, 0.2, 0.1, 0.1, 0.05])
    sessions = []
    for start, length, locale in zip(rng.integers(0, 40, n), rng.integers(1, 6, n), locales):
        codes = [f"B{(start + step) % 40:02d}" for step in range(length + 1)]
        sessions.append(("[" + "\n ".join(f"'{code}'" for code in codes[:-1]) + "]", codes[-1], locale))
    products = [(f"B{p:02d}", locale, f"Thing {p} {locale}", "1") for locale in ("UK", "DE", "JP", "ES", "FR", "IT")
                for p in range(40)]  # fmt: skip
    return sessions, products
