"""Learning curves of trainings that follow each other."""

COUNTED = ("epoch", "step", "seconds")


def continued(first: list[dict], then: list[dict]) -> list[dict]:
    """The learning curve of one training after another: epochs, steps and seconds are counted on.

    >>> continued([{"epoch": 2, "step": 8, "seconds": 3.0}], [{"epoch": 1, "step": 4, "seconds": 1.5, "loss": 0.5}])[1]
    {'epoch': 3, 'step': 12, 'seconds': 4.5, 'loss': 0.5}
    """
    end = first[-1] if first else dict.fromkeys(COUNTED, 0)
    return first + [row | {name: row[name] + end[name] for name in COUNTED} for row in then]
