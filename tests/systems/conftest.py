"""Short trainings of tokenizers for the contract tests, which fit each of them several times."""
import pytest

from workbench.tokens import autoencoder


@pytest.fixture(scope="session")
def home_of_systems(tmp_path_factory):
    """A home of its own, since the shorter training is in no key."""
    return tmp_path_factory.mktemp("systems")


@pytest.fixture(scope="module", autouse=True)
def short_tokenizers(home, home_of_systems):
    """A tokenizer of a small catalogue takes 60 epochs in place of 300."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WORKBENCH_HOME", str(home_of_systems))
        patch.setattr(autoencoder, "MAX_EPOCHS", 60)
        yield
