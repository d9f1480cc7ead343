"""Three synthetic shops as one log of three domains: items of all are described in the same words, users are apart."""
import pandas as pd

from workbench.data import synthetic
from workbench.data.schema import ITEM, RAW, TIME, USER, Dataset, assemble
from workbench.errors import UserError

DOMAINS = ("market", "outlet", "store")


def load(*, users: int = 1_800, items: int = 600, seed: int = 0) -> Dataset:
    """Synthetic domains: the world "synthetic" three times, from other seeds, a third of the users and items each.

    items: the columns of that world, and domain. What follows what differs between domains; that the next item is often
    on the shelf of the last does not, and can be read off the words. UserError for an option below its minimum.
    """
    for name, value, least in (("users", users, 3), ("items", items, 60)):
        if value < least:
            raise UserError(f"synthetic-domains: {name} must be at least {least}, not {value!r}")
    shops = {domain: synthetic.load("synthetic", users=users // 3, items=items // 3, seed=3 * seed + place)
             for place, domain in enumerate(DOMAINS)}  # fmt: skip
    events = pd.concat([_events(domain, shop) for domain, shop in shops.items()]).sort_values(TIME, kind="stable")
    described = pd.concat([
        shop.items.assign(**{RAW: f"{domain}:" + shop.items[RAW], "domain": domain}) for domain, shop in shops.items()
    ])  # fmt: skip
    about = {"title": "synthetic-domains: three invented shops, described in the same words",
             "terms": "invented; free to use",
             "options": {"users": users, "items": items, "seed": seed}}  # fmt: skip
    return assemble("synthetic-domains", events.reset_index(drop=True), items=described, about=about)


def _events(domain: str, shop: Dataset) -> pd.DataFrame:
    """The events of a shop in their order, with raw ids."""
    events = shop.interactions.sort_values([TIME, "row"])
    return pd.DataFrame({
        USER: f"{domain}:" + shop.users[RAW].to_numpy(object)[events[USER]],
        ITEM: f"{domain}:" + shop.items[RAW].to_numpy(object)[events[ITEM] - 1], TIME: events[TIME].to_numpy(),
    })  # fmt: skip
