"""Amazon Beauty 2014 as baskets: the kinds of products that a user reviewed in one month, one set after the other."""
import numpy as np
import pandas as pd

from workbench.data.datasets import beauty
from workbench.data.schema import ITEM, RAW, TIME, USER, Dataset, assemble
from workbench.data.visits.attach import CODE, KIND, NAME, VISIT, with_visits
from workbench.errors import UserError, unknown_name

DAY = 86_400
PERIODS = ("day", "month")
SEASONS = ("winter", "winter", "spring", "spring", "spring", "summer", "summer", "summer", "autumn", "autumn",
           "autumn", "winter")  # fmt: skip
GAPS = (8, 32, 93, 366)  # days since the last basket, at which a band begins
GAP_NAMES = ("within a week", "within a month", "within a quarter", "within a year", "after more than a year")
NOTES = [
    "a basket is a month (or a day) of reviews, not a purchase",
    "an item is a path of categories in words; products without one are left out",
    "nothing but the season and the time since the last basket is known of a basket in advance",
    "chosen of the logs at hand because it alone has times, words and several sets a user: RetailRocket's "
    "purchases have no words, and its 4,095 baskets share 8,084 products",
]


def load(*, period: str = "month", least: int = 2) -> Dataset:
    """Beauty by months. An event is a category of a month, at the time of its first day; column visit: the basket.

    period: month, or day. least: baskets of a user, fewer are left out. Table visits: season and time since the user's
    last basket; there are no codes that are known in advance. UserError as dataset beauty, for another period, and for
    `least` below 1.
    """
    if period not in PERIODS:
        raise unknown_name("period of beauty-baskets", period, PERIODS)
    if least < 1:
        raise UserError(f"beauty-baskets: {least=} baskets of a user: 1 or more")
    source = beauty.load()
    raw_user, category = source.users[RAW].to_numpy(object), source.items["category"].fillna("").to_numpy(object)
    events = source.interactions
    table = pd.DataFrame({
        USER: raw_user[events[USER]], ITEM: category[events[ITEM] - 1], TIME: _opening(events[TIME], period),
    })  # fmt: skip
    named = table[table[ITEM] != ""].drop_duplicates()
    days = named.drop_duplicates([USER, TIME])
    often = days.groupby(USER)[TIME].transform("size") >= least
    days = days[often].sort_values([USER, TIME]).reset_index(drop=True)
    days[VISIT] = np.arange(len(days), dtype=np.int64)
    kept = named.merge(days[[USER, TIME, VISIT]], on=[USER, TIME])
    dropped = {"events without a category": int((table[ITEM] == "").sum()),
               "events of the same basket and category": len(table) - int((table[ITEM] == "").sum()) - len(named),
               f"baskets of users with fewer than {least}": int((~often).sum())}  # fmt: skip
    about = {**source.about, "title": f"{source.about['title']}, categories by {period}", "dropped": dropped,
             "notes": [*source.about.get("notes", []), *NOTES]}  # fmt: skip
    words = pd.Series(kept[ITEM].unique())
    items = pd.DataFrame({"raw_id": words, "title": words.str.replace(" > ", " ", regex=False), "category": words})
    dataset = assemble("beauty-baskets", kept, items=items, order="time", about=about)
    nothing = pd.DataFrame({VISIT: np.zeros(0, np.int64), KIND: "", CODE: "", NAME: ""})
    return with_visits(dataset, _profile(days), nothing)


def _opening(times: pd.Series, period: str) -> pd.Series:
    """The time at which the day or the month of each time began."""
    if period == "day":
        return times // DAY * DAY
    return pd.to_datetime(times, unit="s").dt.to_period("M").dt.start_time.astype("datetime64[s]").astype("int64")


def _profile(days: pd.DataFrame) -> pd.DataFrame:
    """user, visit, timestamp, season, last: what is known of a basket before it is filled."""
    gap = days.groupby(USER)[TIME].diff() / DAY
    band = np.array(GAP_NAMES, object)[np.searchsorted(GAPS, gap.fillna(0), "right")]
    month = pd.to_datetime(days[TIME], unit="s").dt.month.to_numpy()
    return days[[USER, VISIT, TIME]].assign(season=np.array(SEASONS, object)[month - 1],
                                            last=np.where(gap.isna(), "first basket", band))  # fmt: skip
