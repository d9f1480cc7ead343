"""Graph systems beside counting, a sequence model and one another; writes graphs.json beside itself.

    python reports/results/reproduce_graphs.py --profile paper --tables office/ratio office/leave-one-out
    python reports/results/reproduce_graphs.py --seeds 2 --tables tiktok-mm/published

Office under both protocols, over `sasrec`, in an hour and a half; TikTok's pictures and sounds, over `lightgcn`, in
five minutes. History is masked. Runs are stored, so an interrupted call goes on.
"""
from pathlib import Path

from arm_tables import Table, keep_table, plain
from kept_tables import options

PRINTED = {"lr": 1e-3, "batch_size": 4096, "l2": 0.0, "epochs": 1500, "patience": 10}  # RecBole-GNN's, of Last.fm
UNORDERED = {"item_knn": ("item_knn", {"decay": 1.0})}  # where no item is the last
COUNTING = plain("popularity", "category_popularity", "item_knn", "ease", "graph_walk", "item_transitions")
TRAINED = plain("sasrec", "bpr_mf", "lightgcn", "multivae", "xsimgcl", "sige")
TRAINED |= {"lightgcn, printed recipe": ("lightgcn", PRINTED)}
LONGER, TWO = {"epochs": 200}, {"first": "image", "second": "audio", "epochs": 200}
VIEWS = {
    **plain("popularity", "ease"), **UNORDERED, "lightgcn": ("lightgcn", LONGER),
    "cm3": ("cm3", TWO), "cm3, features of others": ("cm3", TWO | {"permuted": True}),
    "sige": ("sige", TWO), "sige, rewired": ("sige", TWO | {"rewired": True}),
    "sige, graphs by content alone": ("sige", TWO | {"alpha": 0.0}),
}  # fmt: skip
TABLES = {
    "office/ratio": Table("office", {"split": "ratio"}, COUNTING | UNORDERED | TRAINED, "sasrec"),
    "office/leave-one-out": Table("office", {"split": "leave-one-out", "mask_history": True}, COUNTING | TRAINED,
                                  "sasrec"),
    "tiktok-mm/published": Table("tiktok-mm", {"split": "published"}, VIEWS, "lightgcn"),
}  # fmt: skip


def main() -> None:
    given = options(__doc__, Path(__file__).parent / "graphs.json", tables=list(TABLES), seeds=3)
    for name in given.tables:
        keep_table(given.out, name, TABLES[name], profile=given.profile, seeds=given.seeds)


if __name__ == "__main__":
    main()
