"""Sources of data that nobody can ship: what works, on what, and what cannot be had, parsed from the dataset files.

A dataset that its user has to bring says so in a literal `BROUGHT`: works and lacks, sentences; sample, the file of the
tests that writes one, "" for none; stand_ins, dataset -> what it has of the source; systems, those that read such data.
Its `ABOUT`, a literal too, has the official address (homepage) and the terms.
"""
from workbench.places import PACKAGE
from workbench.registry import Registry
from workbench.systems import evidence

DATASETS = Registry("dataset", PACKAGE / "data" / "datasets", "**/[a-z]*.py")  # importing workbench.data takes pandas
COLUMNS = ("source", "address", "terms", "what works", "on what", "what cannot be had")
HEADER = """## Sources

Data that nobody can ship, or whose files have no address of their own: the user brings them, and an error about a
missing file says where to put them. Generated from the dataset files (`ABOUT` and `BROUGHT`). A sample is made by the
tests, in the layout that is read. A stand-in is another dataset, with what it has of the source. Below them: the
verdicts of the stored studies on the source or on a stand-in. All other published datasets are downloaded.

"""


def names() -> list[str]:
    """The datasets that their user has to bring, sorted."""
    return [name for name in DATASETS.names() if DATASETS.literal(name, "BROUGHT")]


def markdown_section() -> str:
    """Heading, a note and a table of the sources, as Markdown with links relative to reports/."""
    rows = [COLUMNS, ["---"] * len(COLUMNS), *map(_row, names())]
    return HEADER + "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in row)} |" for row in rows) + "\n"


def _row(name: str) -> list[str]:
    about, brought = (DATASETS.literal(name, literal) for literal in ("ABOUT", "BROUGHT"))
    source, page = f"{_link(name)}: {DATASETS.describe(name).rstrip('.')}", f"[page]({about['homepage']})"
    return [source, page, about["terms"], brought["works"], _grounds(name, brought), brought["lacks"]]


def _grounds(name: str, brought: dict) -> str:
    """What the source is tried on: its sample, its stand-ins, and the studies of its systems on it and on these."""
    sample, stand_ins = brought["sample"], brought["stand_ins"]
    found = [f"[a generated sample](../{sample})"] if sample else []
    found += [f"{_link(other)}: {what}" for other, what in stand_ins.items()] or ["no stand-in"]
    for system in brought["systems"]:
        studies = [each for each in evidence.stored(system) if each.dataset in (name, *stand_ins)]
        found += [f"`{system}` on [{each.text()}](results/systems/{each.path.name})" for each in studies]
    return "<br>".join(found)


def _link(name: str) -> str:
    return f"[`{name}`](../{DATASETS.file(name).relative_to(PACKAGE.parent).as_posix()})"
