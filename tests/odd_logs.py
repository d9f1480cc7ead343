"""Small logs that test what odd files do: writing one, and the message with which it is refused."""
import pytest

from workbench.data.datasets.csv import load
from workbench.errors import UserError

START = 1_700_000_000
TEXT = "user,item,timestamp\n" + "".join(f"{u},{i},{START + 10 * u + i}\n" for u in range(3) for i in range(4))


def written(folder, content, name="log.csv"):
    """The path of a file with this content, text or bytes."""
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return str(path)


def refused(path, **options):
    """The message of the error with which a log is refused."""
    with pytest.raises(UserError) as caught:
        load(path=path, **options)
    return str(caught.value)


def raw(data, side="items"):
    """The raw ids of items or users, sorted."""
    return sorted(getattr(data, side)["raw_id"].astype(str))
