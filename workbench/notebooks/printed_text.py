"""What a running cell prints, joined as it arrives: time linear in its size, and memory bounded whatever it prints."""
MAX_TEXT = 200_000  # characters kept of one output: the first and the last half


class PrintedText:
    """The text of a stream. Text that a carriage return overwrites is dropped, as a terminal does."""

    def __init__(self) -> None:
        self.head, self.tail, self.pending, self.dropped = "", "", [], 0
        self.pending_size = 0

    def add(self, text: str) -> None:
        """Append text; folded in whenever enough is pending, so that each character is looked at a few times."""
        self.pending.append(text)
        self.pending_size += len(text)
        if self.pending_size > MAX_TEXT:
            self._fold()

    def _fold(self) -> None:
        text = overwritten(self.tail + "".join(self.pending))
        self.pending, self.pending_size = [], 0
        if not self.head and len(text) > MAX_TEXT:
            self.head, text = text[: MAX_TEXT // 2], text[MAX_TEXT // 2 :]
        limit = MAX_TEXT // 2 if self.head else MAX_TEXT
        self.dropped += max(0, len(text) - limit)
        self.tail = text[-limit:]

    def text(self) -> str:
        """All of it; of a long text the first and the last part, with its size in between."""
        self._fold()
        if not self.dropped:
            return self.head + self.tail
        total = len(self.head) + self.dropped + len(self.tail)
        return f"{self.head}\n[{total:,} characters, of which {self.dropped:,} are left out here]\n{self.tail}"


def cut(text: str) -> str:
    """A text of at most MAX_TEXT characters, and a line that says how many are left out."""
    printed = PrintedText()
    printed.add(text)
    return printed.text()


def overwritten(text: str) -> str:
    """Each line without what a carriage return in it overwrites.

    >>> overwritten("10 %\\r20 %\\ndone\\r\\n")
    '20 %\\ndone\\r\\n'
    """
    if "\r" not in text:
        return text
    return "\n".join(line[line.rfind("\r", 0, max(0, len(line) - 1)) + 1 :] for line in text.split("\n"))
