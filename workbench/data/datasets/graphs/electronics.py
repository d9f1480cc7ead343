"""Amazon Electronics, 1,435 users, with the split of NBPO (Yu and Qin, SIGIR 2020) on which UltraGCN prints figures."""
from workbench.data.datasets.graphs.cds import load_lists
from workbench.data.formats.file_lookup import DataFiles
from workbench.data.schema import Dataset

DIGESTS = ("36162d78d851dd566c41380434b33785564761bc9e3bf869a523bb8bdde46cdd",
           "3484521a88bb32dccf5f09839446b3adbb21796bb075cf6eba37be411eadf0a6")  # fmt: skip


def load() -> Dataset:
    """Electronics. The order of events is not published (order none); `held_out` marks the published test set."""
    return load_lists(DataFiles("electronics", "amazon_electronics_ultragcn"), "electronics", DIGESTS,
                      "Amazon Electronics, UltraGCN release")  # fmt: skip
