"""Tests run in a home of their own, with one thread, and never on the network."""
import os
from pathlib import Path

import pytest
from chromium import Browser
from reach import changed_files, parameters, reaches

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("WORKBENCH_PROGRESS", "none")
os.environ.setdefault("WORKBENCH_OFFLINE", "1")
REAL = Path(os.environ.get("WORKBENCH_DATA", Path(__file__).parents[2] / "shared" / "data"))


def pytest_addoption(parser):
    parser.addoption("--changed", nargs="?", const="HEAD", metavar="COMMIT",
                     help="only tests that the changes since a commit, by default the last, can reach")  # fmt: skip


# Files whose tests train the same systems go to one worker, whose home keeps them. These come first: they take longest.
TOGETHER = {
    "test_notebooks": "notebooks", "test_lab": "notebooks", "test_golden": "trained", "test_convergence": "trained",
    "test_workshop": "trained", "test_causal_tests": "trained",
}  # fmt: skip


def file_of(nodeid: str) -> str:
    """What is run by one worker: the tests of a file, or of some files."""
    path = nodeid.partition("::")[0]
    return TOGETHER.get(Path(path).stem, path)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Whole files, in the order below. The scheduler's own groups are not seen by every version of pytest."""
    from xdist.scheduler import LoadScopeScheduling

    config.option.loadscopereorder = False
    scheduler = LoadScopeScheduling(config, log)
    scheduler._split_scope = file_of
    return scheduler


def pytest_collection_modifyitems(config, items):
    order = list(TOGETHER)
    items.sort(key=lambda item: order.index(item.path.stem) if item.path.stem in order else len(order))
    if since := config.getoption("--changed"):
        changed = changed_files(since)
        kept = [each for each in items if changed and reaches(each.path, parameters(each), changed)]
        config.hook.pytest_deselected(items=[each for each in items if each not in set(kept)])
        items[:] = kept


@pytest.fixture(scope="session", autouse=True)
def home(tmp_path_factory):
    """A temporary WORKBENCH_HOME, shared by the session so that a stage is computed once."""
    path = tmp_path_factory.mktemp("home")
    os.environ["WORKBENCH_HOME"] = str(path)
    os.environ["WORKBENCH_DATA"] = str(REAL)
    return path


@pytest.fixture(scope="session")
def real():
    """The folder of real data; tests that need it skip with a reason where it is missing."""
    if not REAL.is_dir():
        pytest.skip("real data: set WORKBENCH_DATA to a folder that holds it")
    return REAL


@pytest.fixture(scope="module")
def browser():
    """Chromium, started once for a module of tests."""
    chromium = Browser()
    yield chromium
    chromium.close()


@pytest.fixture
def usual_screen(browser):
    """Reset after the test what it emulates: media and screen."""
    yield
    browser.call("Emulation.setEmulatedMedia", media="", features=[])
    browser.call("Emulation.clearDeviceMetricsOverride")
