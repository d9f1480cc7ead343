"""Safe loading of a pickle of built-in containers, texts and numbers: no class can be constructed."""
import io
import pickle
from typing import Any

from workbench.data.formats.delimited_text import data_error
from workbench.data.formats.file_lookup import Content


class _PlainUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        raise pickle.UnpicklingError(f"it requests {module}.{name}; only built-in containers are allowed")


def parse_plain_dict(content: Content) -> dict:
    """The dict of a pickle, such as maps from published ids to numbers. UserError (code 3) where it holds anything else
    or is damaged."""
    try:
        found = _PlainUnpickler(io.BytesIO(content.data)).load()
        if not isinstance(found, dict):
            raise ValueError(f"it holds a {type(found).__name__}, no dict")
    except Exception as error:  # a hostile or damaged pickle can raise anything
        raise data_error(content, None, f"not a pickled dict ({error})", "get a fresh copy") from error
    return found
