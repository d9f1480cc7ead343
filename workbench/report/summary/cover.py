"""The cover of a report: its title, author and note, on the index and at the head of each of its pages."""
import re
from html import escape
from pathlib import Path
from typing import NamedTuple

from workbench.artifacts import write_text

TITLE = "Workbench report"
HEADER = re.compile(r'<header class="top">')


class Cover(NamedTuple):
    """title, author, note: plain text, escaped where it is shown; "" for none."""

    title: str = ""
    author: str = ""
    note: str = ""

    @property
    def heading(self) -> str:
        """The title of the index."""
        return self.title or TITLE

    def html(self) -> str:
        """Author and note, below the title of the index; "" without either."""
        author = f'<p class="author">{escape(self.author)}</p>' if self.author else ""
        return author + (f'<p class="note">{escape(self.note)}</p>' if self.note else "")

    def head_line(self, index: str) -> str:
        """The line above the title of a page: report and author, with a link to the index, an escaped address."""
        author = f" · {escape(self.author)}" if self.author else ""
        note = f" · {escape(self.note)}" if self.note else ""
        return f'<p class="running"><a href="{index}">{escape(self.heading)}</a>{author}{note}</p>'


NO_COVER = Cover()


def add_head_line(page: Path, cover: Cover, index: str = "index.html") -> Path:
    """Write the head line of a report into a page that lacks one; returns the path of the page."""
    text = Path(page).read_text(encoding="utf-8")
    if '<p class="running">' not in text:
        line = cover.head_line(index)
        write_text(page, HEADER.sub(lambda match: match[0] + line, text, count=1))
    return page
