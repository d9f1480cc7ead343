"""What an epoch of training will cost, said before it starts where it is much."""
import logging

LARGE = 10_000_000_000  # scores in an epoch: about a minute of a CPU core
log = logging.getLogger("workbench")


def warn_of_cost(events: int, n_items: int, *, cheaper: str = "") -> None:
    """Warn before an epoch that scores every item at each of very many events.

    cheaper: the setting that scores fewer items; without one the warning names what else helps.
    """
    if events * n_items < LARGE:
        return
    remedy = f"--set {cheaper} scores a sample of the items instead" if cheaper else (
        "a GPU, fewer items (a k-core) or a system with loss=sampled, such as sasrec, takes less"
    )
    log.warning("an epoch scores all %s items at each of %s events: %.3g billion scores; %s",
                f"{n_items:,}", f"{events:,}", events * n_items / 1e9, remedy)  # fmt: skip
