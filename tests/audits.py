"""Audits of one small network, and what every audit must hold."""
import numpy as np

from workbench.experiment.audit import run_audit
from workbench.experiment.audit.audit_result import Audit
from workbench.experiment.bench import Bench


def audit_gru4rec(bench: Bench, **changes) -> Audit:
    """The audit of a bench with one small network trained on it."""
    return run_audit.audit(bench, [bench.fit("gru4rec", **changes)])


def checked(audit: Audit) -> dict:
    """The audit as JSON values, after checking that every figure is a number with both interval ends or none, and that
    every card holds figures or says why it has none."""
    for name, card in audit.cards.items():
        assert card.figures or card.unmeasured, name
        assert all(card.unmeasured.values()), name
        assert len({figure.name for figure in card.figures}) == len(card.figures), name
        for figure in card.figures:
            assert np.isfinite(figure.value) and not np.isinf([figure.low, figure.high, figure.null]).any(), figure
            assert np.isnan(figure.low) == np.isnan(figure.high) and figure.n >= 0 and figure.note, figure
    return audit.dict()
