"""Full-ranking evaluation: ranks of held-out targets, metrics per case, and paired comparison of runs.

Read metrics first, then top_k and evaluation; compare and bootstrap hold the statistics, and predictions reads lists
that other programs made.
"""
from workbench.evaluate.compare import compare, contrast
from workbench.evaluate.evaluation import Evaluation, evaluate, recommend_all
from workbench.evaluate.metrics import per_case
from workbench.evaluate.top_k import top_k

__all__ = ["Evaluation", "compare", "contrast", "evaluate", "per_case", "recommend_all", "top_k"]
