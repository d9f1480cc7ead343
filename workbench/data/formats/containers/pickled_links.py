"""Safe loading of pickled links: a dict of whole numbers to tuples of whole numbers, which needs no class at all."""
import io
import pickle
from typing import Any

import numpy as np
import pandas as pd

from workbench.data.formats.delimited_text import data_error
from workbench.data.formats.file_lookup import Content


class _PlainUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        raise pickle.UnpicklingError(f"it requests {module}.{name}; only built-in containers of numbers are allowed")


def parse_links(content: Content, head: str, tail: str) -> pd.DataFrame:
    """The pairs (head, tail), int64 columns of these names, in the order of the file. UserError (code 3) where the
    pickle is anything but a dict of numbers to tuples of numbers, none negative, or is damaged."""
    try:
        links = _PlainUnpickler(io.BytesIO(content.data)).load()
        if not isinstance(links, dict) or not all(isinstance(tails, tuple) for tails in links.values()):
            raise ValueError("it holds no dict of tuples")
        tails = [each for group in links.values() for each in group]
        if not all(type(each) is int and each >= 0 for each in [*links, *tails]):
            raise ValueError("it holds something other than whole numbers from 0")
    except Exception as error:  # a hostile or damaged pickle can raise anything
        raise data_error(content, None, f"not pickled links ({error})", "get a fresh copy") from error
    heads = np.repeat(np.array(list(links), np.int64), [len(group) for group in links.values()])
    return pd.DataFrame({head: heads, tail: np.array(tails, np.int64)})
