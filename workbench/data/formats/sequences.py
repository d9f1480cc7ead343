"""Lists of integers, one user per line: `user item item ...` (S3-Rec sequences, P5, TiCoSeRec, LightGCN adjacency)."""
import numpy as np

from workbench.data.formats.delimited_text import data_error
from workbench.data.formats.file_lookup import Content

DIGIT, SPACE, NEWLINE = 1, 2, 3
KIND = np.zeros(256, np.uint8)
KIND[[*b"0123456789"]] = DIGIT
KIND[[*b" \t\r"]] = SPACE
KIND[10] = NEWLINE


def parse_lists(content: Content, *, allow_empty: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Users and items (N,) int64 in file order.

    allow_empty: whether a line may contain a user without items, as in LightGCN test lists. UserError names the line
    of anything other than a list of non-negative integers, of an empty list, and of a user's second list.
    """
    kinds = KIND[np.frombuffer(content.data, np.uint8)]
    if (kinds == 0).any():
        raise _not_a_number(content, int((kinds == 0).argmax()))
    starts = np.flatnonzero((kinds == DIGIT) & (np.concatenate([[SPACE], kinds[:-1]]) != DIGIT))
    if not len(starts):
        raise data_error(content, None, "the file contains no lists", "get a fresh copy")
    ends = np.flatnonzero((kinds == DIGIT) & (np.concatenate([kinds[1:], [SPACE]]) != DIGIT))
    if (ends - starts).max() > 17:
        raise _not_a_number(content, int(starts[(ends - starts).argmax()]))
    lines = np.cumsum(kinds == NEWLINE)[starts]
    values = np.fromstring(content.data, np.int64, sep=" ")
    first = np.concatenate([[True], lines[1:] != lines[:-1]])
    users, counts = values[first], np.diff(np.append(np.flatnonzero(first), len(values))) - 1
    line_numbers = lines[first] + 1
    if not allow_empty and (counts == 0).any():
        raise data_error(content, int(line_numbers[counts.argmin()]), f"user {users[counts.argmin()]} has no items")
    order = np.argsort(users, kind="stable")
    repeated = order[1:][users[order][1:] == users[order][:-1]]
    if len(repeated):
        raise data_error(content, int(line_numbers[repeated.min()]), f"user {users[repeated.min()]} has a second list")
    return np.repeat(users, counts), values[~first]


def _not_a_number(content: Content, at: int) -> Exception:
    line = content.data[:at].count(b"\n") + 1
    word = content.data.split(b"\n")[line - 1]
    word = next((w for w in word.split() if not w.isdigit() or len(w) > 18), b"").decode(errors="replace")
    return data_error(content, line, f"{word!r} is not a non-negative integer id")
