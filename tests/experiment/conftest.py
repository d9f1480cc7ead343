"""Audits that the tests of this folder share."""
import pytest
from audits import audit_gru4rec
from show.hostile_titles import log

from workbench.experiment import open_bench
from workbench.report import audit_page


@pytest.fixture(scope="package")
def chain():
    """The audit of a chain with one network, which test_shortcut_section.py trains alike."""
    return audit_gru4rec(open_bench("synthetic-chain", profile="smoke", options={"users": 400, "items": 60}),
                   epochs=25, lr=5e-3)  # fmt: skip


@pytest.fixture(scope="package")
def page(chain, tmp_path_factory):
    return audit_page(chain, out=tmp_path_factory.mktemp("audit") / "chain.html")


@pytest.fixture(scope="package")
def hostile(tmp_path_factory):
    bench = open_bench("csv", profile="smoke", options=log(tmp_path_factory.mktemp("log")))
    return audit_page(audit_gru4rec(bench, epochs=2), out=tmp_path_factory.mktemp("audit") / "hostile.html")
