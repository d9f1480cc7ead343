"""Which code each token position of a semantic-ID decoder predicts, in any kind of call, and edits of chosen levels.

The token stream is [start, c11 .. c1L, c21 ..]: position s has read token s - 1 and predicts token s. The position that
predicts the first code of an item has thus read the last code of the previous item, or the start token; one that
predicts a later code has read the code before it of the same item. `teacher_forced` and `prefill` process the positions
of a whole stream, `step` one position per beam. All look up their input tokens in `module.code`, so the rows of that
lookup determine which codes are predicted next. This also holds where all items are scored a few prefixes at a time and
calls cannot be counted.
"""
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial

import torch
from torch import Tensor

from workbench.errors import UserError
from workbench.probing.activations.hooks import Site, splice

Edit = Callable[[Tensor], Tensor]


class TokenPositions:
    """The token positions of the current call, derived from the rows (B, n) that `module.code` was last called with.

    table: a `nets.semantic_id_decoder.CodeTable`. Raises UserError for codes of one level, which need no distinction.
    """

    def __init__(self, table):
        self.levels = len(table.sizes)
        if self.levels < 2:
            raise UserError("the item codes have one level, so there are no levels to distinguish")
        self.starts = torch.tensor(table.starts)
        self.tokens: Tensor | None = None  # (B, n)
        self.site_called = False

    def record_tokens(self, module, args: tuple[Tensor]) -> None:
        """A forward pre-hook of the code table."""
        self.tokens = args[0][..., 0].contiguous()

    def predicted_levels(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """For a site's output x (..., D): level (...), the code 0..L-1 that each position predicts, -1 at padding; and
        target (...), whether the position is one of the target item: the last of a history, or the one being
        generated."""
        if self.tokens is None:
            raise UserError("this site is called before any code is looked up, so its positions predict no code yet")
        code = torch.bucketize(self.tokens, self.starts.to(self.tokens.device), right=True) - 1
        following = torch.where(code < 0, -1, (code + 1) % self.levels)
        B, n = code.shape
        if x.shape[:-1] == (B,):  # `prefill` keeps the one position that generation continues from
            return code.new_zeros(B), code.new_ones(B, dtype=torch.bool)
        if x.shape[:-1] == (B, n):
            return following, torch.ones_like(following, dtype=torch.bool)
        if x.shape[:-1] != (B, n + 1):
            shape = f"the input has {B} rows of {n} codes"
            raise UserError(f"this site outputs {tuple(x.shape)}, not one row per token position: {shape}")
        level = torch.cat([code.new_zeros(B, 1), following], 1)
        length, position = (code >= 0).sum(1, keepdim=True), torch.arange(n + 1, device=code.device)
        if (n + 1) % self.levels == 0:  # teacher forcing: the last item is the target; its last code is no input
            first = (length + self.levels - 1) // self.levels * self.levels - self.levels
        else:
            first = length
        return level, (position >= first) & (position < first + self.levels) & (level >= 0)

    def mask(self, level: int, target_only: bool, x: Tensor) -> Tensor:
        """(...) bool: the positions of a site's output that predict this level, with `target_only` of the target item
        only."""
        self.site_called = True
        levels, target = self.predicted_levels(x)
        return (levels == level) & target if target_only else levels == level


@contextmanager
def patched_levels(
    recommender, site: Site, edits: dict[int, Edit], *, target_only: bool = False
) -> Iterator[None]:
    """Activation patching by level: inside the block, the positions that predict code `level` hold edits[level](x)
    instead of x (n, D).

    recommender: one whose `module` has a code table `code`. target_only: edit only the target item's positions, not
    those of the history. Raises UserError if codes were looked up in the block and the site was not called (`blocks.1`
    is called as a whole in training only, `blocks.1.out` in every mode), for the code table itself, and for a site with
    a call number.
    """
    if site.call is not None or site.path == "code":
        raise UserError(f"{site}: choose a site that every token position passes, without call, as codes are decoded "
                        "one at a time")  # fmt: skip
    positions = TokenPositions(recommender.module.code)
    with ExitStack() as stack:
        stack.callback(recommender.module.code.register_forward_pre_hook(positions.record_tokens).remove)
        for level, edit in edits.items():
            where = partial(positions.mask, level, target_only)
            stack.enter_context(splice(recommender.module, site, partial(_on_cpu, edit), where=where))
        yield
    if positions.tokens is not None and edits and not positions.site_called:
        raise UserError(f"site {site.path} was not called while codes were decoded, so nothing was edited; try "
                        f"{site.path}.out")  # fmt: skip


def _on_cpu(edit: Edit, x: Tensor) -> Tensor:
    return edit(x.float().cpu()).to(x)


def only_levels(*levels: int, target_only: bool = False) -> Callable:
    """The `patch` argument of `SteeredRecommender` that edits only the positions that predict these codes."""
    return lambda recommender, site, edit: patched_levels(
        recommender, site, dict.fromkeys(levels, edit), target_only=target_only
    )
