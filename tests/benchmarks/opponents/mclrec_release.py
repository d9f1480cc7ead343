"""Run an unmodified checkout of QinHsiu/MCLRec: seconds of an epoch of its trainer.

usage: mclrec_release.py CHECKOUT EVENTS LAMBDA BETA, where EVENTS holds lines of "user item", and LAMBDA and BETA are
the weights of the contrast of random and of learnt views. Needs torch, pandas, scipy, scikit-learn, pyyaml, tqdm,
colorlog and colorama.
An epoch takes tens of minutes, so its time is extrapolated from the median of STEPS batches. A batch is the drawing of
its views and the three updates that the trainer makes with it.
"""
import json
import os
import sys
import tempfile
import time
from itertools import islice
from pathlib import Path

import numpy as np

STEPS, WARM = 12, 2
SETTINGS = dict(
    hidden_size=64, inner_size=256, n_layers=2, n_heads=2, MAX_ITEM_LIST_LENGTH=50, hidden_dropout_prob=0.2,
    attn_dropout_prob=0.2, train_batch_size=256, loss_type="CE", sim="dot", use_rl=1, joint=0, use_gpu=False,
    log_dir=".",
)  # fmt: skip


def main(checkout: str, events: str, simple: str, beta: str) -> None:
    """Prepare the data, build the model and print one JSON line."""
    sys.argv = sys.argv[:1]  # its configuration reads the command line
    sys.path.insert(0, checkout)
    from recbole.config import Config
    from recbole.data import create_dataset, data_preparation
    from recbole.utils import get_model, get_trainer, init_seed

    with tempfile.TemporaryDirectory() as folder:
        settings = SETTINGS | dict(lmd=float(simple), beta=float(beta)) | _files(events, folder)
        config = Config("MCLRec", "Events", [str(Path(checkout, "seq.yaml").resolve())], settings)
        os.chdir(folder)
        init_seed(config["seed"], config["reproducibility"])
        train, _, _ = data_preparation(config, create_dataset(config))
        model = get_model("MCLRec")(config, train)
        print(json.dumps(epoch(get_trainer(config["MODEL_TYPE"], "MCLRec")(config, model), train)))


def epoch(trainer, train) -> dict:
    """Median seconds and processor seconds of a batch, times the batches of an epoch."""
    ended = []

    def first():
        for batch in islice(train, WARM + STEPS):
            yield batch  # the trainer returns here after its updates
            ended.append((time.perf_counter(), time.process_time()))

    trainer._train_epoch(first(), 0)
    seconds, processor = np.median(np.diff(ended, axis=0)[WARM - 1 :], axis=0) * len(train)
    return {"seconds": seconds, "processor": processor, "steps": len(train), "targets": train.pr_end, "timed": STEPS}


def _files(events: str, folder: str) -> dict:
    """Write the events in its format; a user's lines are in the order of time."""
    target = Path(folder) / "Events"
    target.mkdir()
    with open(target / "Events.inter", "w") as file:
        file.write("user_id:token\titem_id:token\n")
        file.writelines("{}\t{}\n".format(*line.split()) for line in open(events))
    return {"data_path": folder, "checkpoint_dir": folder}


if __name__ == "__main__":
    main(*sys.argv[1:])
