"""Full ranking under a protocol, metrics per case, and honest comparison."""
from workbench.evaluate.compare import compare, contrast
from workbench.evaluate.evaluation import Evaluation, evaluate, lists
from workbench.evaluate.metrics import per_case
from workbench.evaluate.top_k import top_k

__all__ = ["Evaluation", "compare", "contrast", "evaluate", "lists", "per_case", "top_k"]
