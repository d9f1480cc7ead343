"""Amazon CDs and Vinyl as LightGCN adjacency lists: a large user-item graph without times or text."""
from workbench.data.formats import ultragcn_lists
from workbench.data.schema import Dataset

DIGESTS = ("dffb4e0cb45813f752ebe4c201a6c35aeb2755289b39b89bc1c148df8afcbd0c",
           "5ad687ad2d00d7b3da4b366736aa606a63b3df5a53502ffc860f40990d7d6c36")  # fmt: skip


def load() -> Dataset:
    """CDs. The order of events is not published (order none); `held_out` marks the published test set."""
    return ultragcn_lists.load("cds", "amazon_cds_lightgcn", "amazoncds", DIGESTS, "Amazon CDs, UltraGCN release")
