"""Files as items: the words of their paths, and the tree of the folders that they are in."""
import numpy as np
import pandas as pd

SLASH = "/"  # after the name of a folder, so that no file has the same


def path_words(paths: pd.Series) -> pd.Series:
    """Paths as words, in lower case: names are divided at signs, and where a capital follows a small letter.

    >>> path_words(pd.Series(["docs/test_DiGraph.py"])).tolist()
    ['docs test di graph py']
    """
    divided = paths.str.replace(r"(?<=[a-z0-9])(?=[A-Z])", " ", regex=True)
    return divided.str.replace(r"[\W_]+", " ", regex=True).str.strip().str.lower()


def file_tree(files: np.ndarray, paths: np.ndarray, *, root: str | None = None) -> pd.DataFrame:
    """A table `tree` (child, parent) of files and of all folders above them.

    files: (n,) distinct names of the files as nodes. paths: (n,) where they are, parts divided by "/". A folder is the
    node of its path and "/". root: the node above what is in no folder; without one such nodes are roots themselves,
    with a missing parent.
    """
    child, above = np.asarray(files, object), pd.Series(np.asarray(paths, object), dtype=object)
    parts: list[pd.DataFrame] = []
    while len(child):
        folders = above.str.rpartition("/")[0]
        parents = np.where(folders != "", folders + SLASH, root)
        parts.append(pd.DataFrame({"child": child, "parent": parents}))
        above = folders[folders != ""].drop_duplicates().reset_index(drop=True)
        child = (above + SLASH).to_numpy(object)
    if root is not None:
        parts.append(pd.DataFrame({"child": [root], "parent": [None]}))
    return pd.concat(parts, ignore_index=True).drop_duplicates("child").reset_index(drop=True)
