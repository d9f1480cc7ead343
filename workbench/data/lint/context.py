"""What the checks of a dataset read: the data, the protocol, and what follows from them, made when first asked for."""
from functools import cached_property

import numpy as np
import pandas as pd

from workbench.data.histories import Histories
from workbench.data.protocol import Protocol
from workbench.data.schema import TIME, Dataset
from workbench.data.splits import Split, split, user_sequences
from workbench.errors import UserError


class LintContext:
    """The dataset and protocol to check. `sequence` and `split` raise UserError where the data does not allow them."""

    def __init__(self, dataset: Dataset, protocol: Protocol):
        self.dataset, self.protocol = dataset, protocol
        self.tables: dict[str, pd.DataFrame] = {}

    @cached_property
    def sequence(self) -> Histories:
        return user_sequences(self.dataset, self.protocol)

    @cached_property
    def split(self) -> Split:
        return split(self.dataset, self.protocol)

    @property
    def times(self) -> np.ndarray:
        if not self.dataset.has_times:
            raise UserError("the dataset has no timestamps", code=3)
        return self.dataset.interactions[TIME].to_numpy(np.int64)
