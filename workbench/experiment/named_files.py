"""Files and folders that settings name by their path, and what a log of one's own is called by."""
from contextlib import suppress
from pathlib import Path

from workbench.artifacts import digest, sha256


def contents(settings: dict) -> dict[str, str]:
    """Digests of the files and folders that settings name by their path: a path alone says nothing of what is there."""
    digests = {}
    for name, value in settings.items():
        with suppress(OSError):  # a name that is too long for a path is none
            if isinstance(value, str) and value and (path := Path(value)).exists():
                files = sorted(p for p in path.rglob("*") if p.is_file()) or [path]
                digests[name] = digest([[str(p.relative_to(path)), sha256(p)] for p in files])
    return digests


def dataset_name(name: str, options: dict | None = None) -> str:
    """What a dataset is called: its name, that of the file for a log of one's own, or those that are merged.

    >>> dataset_name("csv", {"path": "logs/plays.csv"}), dataset_name("office")
    ('plays', 'office')
    >>> dataset_name("merged", {"of": "office, beauty"})
    'office+beauty'
    """
    if name == "merged":
        return "+".join(each.strip() for each in str((options or {}).get("of", name)).split(","))
    path = str((options or {}).get("path") or "")
    return (Path(path).name.partition(".")[0] or name) if name == "csv" else name
