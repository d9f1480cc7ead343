"""What systems over Mult-VAE have in common: the network, sizes, the weight of the divergence and the recipe."""
from workbench.errors import UserError
from workbench.nets.rows.autoencoder import RowAutoencoder
from workbench.nets.rows.bags import xavier_linear
from workbench.train import Recipe

MULTIVAE_RECIPE = Recipe(
    epochs=200, batch_size=128, lr=1e-3, patience=5, valid_every=2,
    sizes={"small": {"lr": 3e-3}},
)  # fmt: skip
ANNEALED = 0.1  # the share of the recipe's training in which the weight of the divergence grows


def check_row_sizes(system: str, width: int, latent: int, dropout: float, beta: float) -> None:
    """UserError if a size or weight of a system is out of range."""
    if width < 1 or latent < 1 or not 0 <= dropout < 1 or not beta >= 0:
        raise UserError(f"{system}: width and latent must be positive, dropout in [0, 1) and beta at least 0, not "
                        f"{width=}, {latent=}, {dropout=}, {beta=}")  # fmt: skip


def row_autoencoder(bench, *, width: int, latent: int, dropout: float, gaussian: bool = True) -> RowAutoencoder:
    """The network of multivae for the bench's catalogue. gaussian: whether latents have a variance."""
    with bench.init():
        module = RowAutoencoder(bench.split.n_items, width=width, latent=latent, dropout=dropout)
    if gaussian:
        with bench.init("variance"):
            module.encoder.variance = xavier_linear(width, latent)
    return module


def annealed(beta: float, share: float) -> float:
    """The weight of the divergence after a share of the training: it grows evenly to beta and stays there.

    >>> [annealed(0.5, share) for share in (0, ANNEALED / 2, 1)]
    [0.0, 0.25, 0.5]
    """
    return beta * min(1.0, share / ANNEALED)
