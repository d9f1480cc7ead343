"""Files and folders that settings name by their path."""
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
