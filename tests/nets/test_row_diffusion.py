"""Diffusion of rows: the schedule and its posterior by hand, no steps, a denoiser that knows the row, and the loss."""
import pytest
import torch

from workbench.nets.rows.row_diffusion import FIRST, RowDenoiser, RowDiffusion, step_embedding


def test_without_steps_rows_are_restored_as_they_are():
    rows = torch.rand(3, 4)
    assert torch.equal(RowDiffusion(0).restore(None, rows), rows)


def test_the_schedule_by_hand():
    """Planned 1 - kept: 1e-5 and 2e-3; of the first step FIRST is lost in its place, of the second what was planned."""
    diffusion = RowDiffusion(2, scale=0.1, least=1e-4, most=0.02)
    second = 1 - (1 - 2e-3) / (1 - 1e-5)
    kept = torch.tensor([1 - FIRST, (1 - FIRST) * (1 - second)], dtype=torch.float64)
    assert torch.allclose(diffusion.kept.double(), kept, atol=1e-7)
    assert diffusion.weight[0] == 1
    expected = kept[0] / (1 - kept[0]) - kept[1] / (1 - kept[1])
    assert diffusion.weight[1].item() == pytest.approx(expected.item(), rel=1e-4)


def test_the_posterior_is_that_of_two_gaussians():
    """q(x_{t-1} | x_t, x_0) by completing the square: precisions of one step from x_{t-1} and of x_{t-1} from x_0."""
    diffusion = RowDiffusion(4, scale=1.0, most=0.5)
    kept = diffusion.kept.double()
    for t in (1, 2, 3):
        alpha = kept[t] / kept[t - 1]
        forward, prior = alpha / (1 - alpha), 1 / (1 - kept[t - 1])
        of_row, of_prediction = forward / alpha.sqrt(), prior * kept[t - 1].sqrt()
        assert diffusion.of_row[t] == pytest.approx((of_row / (forward + prior)).item(), rel=1e-3)
        assert diffusion.of_prediction[t] == pytest.approx((of_prediction / (forward + prior)).item(), rel=1e-3)
    assert (diffusion.of_prediction[0], diffusion.of_row[0]) == pytest.approx((1, 0), abs=1e-9)


@pytest.mark.parametrize("steps", [1, 5])
def test_a_denoiser_that_knows_the_rows_restores_them(steps):
    rows = torch.rand(3, 4)
    known = RowDiffusion(steps, scale=1.0, most=0.9)
    noisy = known.noised(rows, torch.full((3,), steps - 1), torch.randn(3, 4))
    assert torch.allclose(known.restore(lambda x, t: rows, noisy), rows, atol=1e-6)


def test_each_step_back_mixes_what_is_predicted_with_the_row():
    """Of two steps the second is read as given, the first as the mean of the posterior."""
    diffusion, rows, read = RowDiffusion(2, scale=1.0, most=0.9), torch.rand(3, 4), []

    def denoiser(given, steps):
        read.append((given, steps.tolist()))
        return torch.full_like(given, 0.5)

    assert torch.equal(diffusion.restore(denoiser, rows), torch.full((3, 4), 0.5))
    assert torch.equal(read[0][0], rows) and [steps for _, steps in read] == [[1] * 3, [0] * 3]
    assert torch.allclose(read[1][0], diffusion.of_prediction[1] * 0.5 + diffusion.of_row[1] * rows)
    assert 0 < diffusion.of_row[1] < 1


def test_noise_grows_and_the_row_shrinks():
    diffusion, rows = RowDiffusion(5, scale=1.0, most=0.5), torch.ones(5, 2000)
    noisy = diffusion.noised(rows, torch.arange(5), torch.randn(5, 2000, generator=torch.Generator().manual_seed(0)))
    assert (noisy.var(1).diff() > 0).all() and (noisy.mean(1)[1:] < noisy.mean(1)[0]).all()


def test_the_loss_is_the_weighted_mean_square():
    diffusion, rows = RowDiffusion(3), torch.zeros(2, 4)
    predicted = torch.tensor([[1.0, 0, 0, 0], [2.0, 0, 0, 0]])
    expected = (diffusion.weight[0] * 1 / 4 + diffusion.weight[2] * 4 / 4) / 2
    assert torch.allclose(diffusion.loss(predicted, rows, torch.tensor([0, 2])), expected)


def test_the_denoiser_reads_the_step_and_is_trained_throughout():
    torch.manual_seed(0)
    denoiser, rows = RowDenoiser(6, width=5, time_width=3).eval(), torch.rand(2, 6)
    first, last = (denoiser(rows, torch.full((2,), step)) for step in (0, 4))
    assert first.shape == (2, 6) and not torch.allclose(first, last)
    assert torch.allclose(denoiser(3 * rows, torch.zeros(2)), first, atol=1e-6), "the row is normalised"
    first.sum().backward()
    assert all(p.grad is not None and p.grad.any() for name, p in denoiser.named_parameters())


def test_step_embeddings_by_hand():
    found = step_embedding(torch.tensor([0, 2]), 5)
    angles = torch.tensor([2.0, 2 * 10_000 ** -0.5])
    assert torch.allclose(found[0], torch.tensor([1.0, 1, 0, 0, 0]))
    assert torch.allclose(found[1], torch.cat([angles.cos(), angles.sin(), torch.zeros(1)]))
