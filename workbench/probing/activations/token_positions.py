"""Which code each slot of a spelling network foretells, whatever call it is in, and edits of chosen ones.

The stream is [start, c11 .. c1L, c21 ..]: slot s has read token s - 1 last and foretells token s. So the slot that
foretells the first code of an item has read the last code of the item before it, or the start, and one that foretells
a later code has read the code before it of the same item. `taught` and `prefill` work on the slots of a whole stream,
`step` on one a beam. All of them look up what they read in `module.code`, so the rows that are asked for there tell
what is foretold next: also where all items are scored a few prefixes at a time, and no call can be counted.
"""
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial

import torch
from torch import Tensor

from workbench.errors import UserError
from workbench.probing.activations.hooks import Site, splice

Edit = Callable[[Tensor], Tensor]


class Slots:
    """The slots of the call that is under way, known from the rows (B, n) that `module.code` was last asked for.

    table: a `nets.speller.CodeTable`. UserError for codes of one level, which have nothing to tell apart.
    """

    def __init__(self, table):
        self.levels = len(table.sizes)
        if self.levels < 2:
            raise UserError("items of one code are not spelled: there is one level and nothing to tell apart")
        self.starts = torch.tensor(table.starts)
        self.read: Tensor | None = None
        self.met = False  # whether the site has put out anything

    def note(self, module, args: tuple[Tensor]) -> None:
        """A pre-hook of the code table."""
        self.read = args[0][..., 0].contiguous()

    def foretold(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """For what a site puts out (..., D): level (...), the code 0..L-1 that a slot foretells, -1 at padding; and
        own (...), whether it is one of the item that is spelled: the last of a history, or the one being generated."""
        if self.read is None:
            raise UserError("this site works before any code is read, so its slots foretell nothing yet")
        code = torch.bucketize(self.read, self.starts.to(self.read.device), right=True) - 1
        after = torch.where(code < 0, -1, (code + 1) % self.levels)
        B, n = code.shape
        if x.shape[:-1] == (B,):  # `prefill` keeps the one slot that it goes on from
            return code.new_zeros(B), code.new_ones(B, dtype=torch.bool)
        if x.shape[:-1] == (B, n):
            return after, torch.ones_like(after, dtype=torch.bool)
        if x.shape[:-1] != (B, n + 1):
            raise UserError(f"this site puts out {tuple(x.shape)}, not a row a slot: {n} codes were read by {B} rows")
        level = torch.cat([code.new_zeros(B, 1), after], 1)
        real, place = (code >= 0).sum(1, keepdim=True), torch.arange(n + 1, device=code.device)
        if (n + 1) % self.levels == 0:  # taught: the last item is the spelled one, and its last code was cut off
            first = (real + self.levels - 1) // self.levels * self.levels - self.levels
        else:
            first = real
        return level, (place >= first) & (place < first + self.levels) & (level >= 0)

    def at(self, level: int, own: bool, x: Tensor) -> Tensor:
        """(...) bool: the slots of a site's output that foretell this code, with `own` of the spelled item alone."""
        self.met = True
        found, mine = self.foretold(x)
        return (found == level) & mine if own else found == level


@contextmanager
def standing_in(recommender, site: Site, edits: dict[int, Edit], *, own: bool = False) -> Iterator[None]:
    """While the block runs, the slots that foretell code `level` hold edits[level](x) in the place of x (n, D).

    recommender: one whose `module` spells from a table `code`. own: at the item that is spelled alone, not also in the
    history. UserError where codes were read in the block and nothing passed the site: `blocks.1` is called as a whole
    in training only, `blocks.1.out` whenever something leaves the block; also for the table itself and for one call.
    """
    if site.call is not None or site.path == "code":
        raise UserError(f"{site}: name a place that every slot passes, without call: codes are read one at a time")
    slots = Slots(recommender.module.code)
    with ExitStack() as stack:
        stack.callback(recommender.module.code.register_forward_pre_hook(slots.note).remove)
        for level, edit in edits.items():
            change = partial(_on_cpu, edit)
            stack.enter_context(splice(recommender.module, site, change, where=partial(slots.at, level, own)))
        yield
    if slots.read is not None and edits and not slots.met:
        raise UserError(f"nothing passed {site.path} while codes were read, so nothing was edited; try {site.path}.out")


def _on_cpu(edit: Edit, x: Tensor) -> Tensor:
    return edit(x.float().cpu()).to(x)


def only(*levels: int, own: bool = False) -> Callable:
    """What `steer.dose` takes as `standing`, to push at the slots that foretell these codes alone."""
    return lambda recommender, site, edit: standing_in(recommender, site, dict.fromkeys(levels, edit), own=own)
