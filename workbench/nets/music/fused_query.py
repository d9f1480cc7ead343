"""One query vector of a video and of what is said about the music wanted, against a vector of each clip's music."""
import torch
import torch.nn.functional as F
from torch import Tensor, nn


class FusedQuery(nn.Module):
    """Two towers. Query: h = video + text, or the vector `null` in the place of a text that is not given; q = MLP(h),
    h standardised first (LayerNorm), so that nothing in q is of the video or of the text alone. Music: an MLP of the
    music's features. What extends a query adds to h.

    video_dim, words_dim, music_dim: Fv, V and Fm. width: D.
    """

    def __init__(self, video_dim: int, words_dim: int, music_dim: int, *, width: int):
        super().__init__()
        self.video, self.words = nn.Linear(video_dim, width), nn.Linear(words_dim, width, bias=False)
        nn.init.normal_(self.words.weight)  # rows of words have length 1, so both parts of h are of one size
        self.null = nn.Parameter(torch.zeros(width))
        self.joint = nn.Sequential(nn.LayerNorm(width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(),
                                   nn.Linear(width, width))  # fmt: skip
        self.heard = nn.Sequential(nn.Linear(music_dim, width), nn.ReLU(), nn.Linear(width, width))

    def query(self, video: Tensor, words: Tensor, said: Tensor, more: Tensor | float = 0.0) -> Tensor:
        """(B, D). video (B, Fv), words (B, V), said (B,) bool: whether the words are given. more: (B, D) or 0."""
        return self.joint(self.video(video) + torch.where(said[:, None], self.words(words), self.null) + more)

    def music(self, features: Tensor) -> Tensor:
        """(n, D) of the music's features (n, Fm)."""
        return self.heard(features)


class LastSuggestion(nn.Module):
    """What a query holds of the last suggestion: a linear map of its music, of length 1; nothing without one."""

    def __init__(self, width: int):
        super().__init__()
        self.map = nn.Linear(width, width)

    def forward(self, music: Tensor, given: Tensor) -> Tensor:
        """(B, D) of vectors (B, D); 0 where `given` (B,) bool is False."""
        return torch.where(given[:, None], self.map(F.normalize(music, dim=1)), torch.zeros_like(music))
