"""Run RecBole's SASRec (cross-entropy, leave-one-out, full ranking), or its LightGCN: seconds of an epoch, or of an
evaluation.

usage: recbole_sasrec.py train|rank EVENTS [LightGCN], where EVENTS holds lines of "user item". Runs in
RecBole's environment.
An epoch takes minutes, so its time is extrapolated from the median of STEPS steps.
"""
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from scipy.sparse import dok_matrix

for _name, _kind in {"float_": np.float64, "complex_": np.complex128, "unicode_": np.str_}.items():
    if not hasattr(np, _name):  # RecBole 1.2 uses names that NumPy 2 removed
        setattr(np, _name, _kind)
if not hasattr(dok_matrix, "_update"):  # and its LightGCN a method that SciPy 1.13 removed
    dok_matrix._update = lambda matrix, entries: matrix._dict.update(entries)

from recbole.config import Config  # noqa: E402
from recbole.data import create_dataset, data_preparation  # noqa: E402
from recbole.utils import get_model, get_trainer, init_seed  # noqa: E402

STEPS, WARM = 12, 2
SETTINGS = dict(
    USER_ID_FIELD="user_id", ITEM_ID_FIELD="item_id", TIME_FIELD="timestamp",
    load_col={"inter": ["user_id", "item_id", "timestamp"]},
    hidden_size=64, inner_size=256, n_layers=2, n_heads=2, MAX_ITEM_LIST_LENGTH=50, hidden_dropout_prob=0.2,
    attn_dropout_prob=0.2, loss_type="CE", train_neg_sample_args=None, train_batch_size=512, eval_batch_size=1024,
    eval_args=dict(split={"LS": "valid_and_test"}, order="TO", mode="full", group_by="user"), topk=[10, 20],
    metrics=["Recall", "NDCG"], valid_metric="NDCG@10", use_gpu=False, gpu_id="", show_progress=False, worker=0,
)


GRAPH = dict(embedding_size=64, n_layers=2, reg_weight=1e-4, train_batch_size=2048, train_neg_sample_args=dict(
    distribution="uniform", sample_num=1, alpha=1.0, dynamic=False, candidate_num=0))  # fmt: skip


def main(task: str, events: str, name: str = "SASRec") -> None:
    """Prepare the data, build the model and print one JSON line."""
    sys.argv = sys.argv[:1]  # RecBole parses it
    with tempfile.TemporaryDirectory() as folder:
        files = _files(events, folder)
        os.chdir(folder)  # RecBole writes its logs to the working directory
        settings = SETTINGS | (GRAPH if name == "LightGCN" else {})
        config = Config(model=name, dataset="Events", config_dict=settings | files)
        init_seed(0, True)
        train, _, test = data_preparation(config, create_dataset(config))
        model = get_model(name)(config, train.dataset)
        trainer = get_trainer(config["MODEL_TYPE"], name)(config, model)
        print(json.dumps(epoch(model, trainer.optimizer, train) if task == "train" else evaluation(trainer, test)))


def epoch(model, optimiser, train) -> dict:
    """Median seconds of a step, times the steps of an epoch."""
    model.train()
    seconds = []
    for batch in train:
        start = time.perf_counter()
        optimiser.zero_grad()
        model.calculate_loss(batch).backward()
        optimiser.step()
        seconds.append(time.perf_counter() - start)
        if len(seconds) == WARM + STEPS:
            break
    return {"seconds": statistics.median(seconds[WARM:]) * len(train), "steps": len(train), "timed": STEPS}


def evaluation(trainer, test) -> dict:
    """Seconds of the second of two evaluations of all test users."""
    for _ in range(2):
        start = time.perf_counter()
        metrics = trainer.evaluate(test, load_best_model=False, show_progress=False)
        seconds = time.perf_counter() - start
    users = len(test.dataset)
    ndcg = float(metrics["ndcg@20"])
    return {"seconds": seconds, "users": users, "users_per_second": users / seconds, "ndcg@20": ndcg}


def _files(events: str, folder: str) -> dict:
    """Write the events in RecBole's format, with the line number as timestamp."""
    target = Path(folder) / "Events"
    target.mkdir()
    with open(target / "Events.inter", "w") as file:
        file.write("user_id:token\titem_id:token\ttimestamp:float\n")
        for position, line in enumerate(open(events)):
            user, item = line.split()
            file.write(f"{user}\t{item}\t{position}\n")
    return {"data_path": folder, "checkpoint_dir": folder}


if __name__ == "__main__":
    main(*sys.argv[1:])
