"""What the data of a report are and what was done with them, in words."""
from typing import Any

import pandas as pd

from workbench.data import synthetic
from workbench.data.schema import TIME
from workbench.errors import UserError
from workbench.experiment import Bench
from workbench.experiment.named_files import dataset_name
from workbench.train import get_profile

SPLITS = {
    "leave-one-out": "Of each user, the last event is the test case, the event before it is for validation, and all "
    "earlier ones are for training (leave-one-out).",
    "global-time": "Events before a first date are for training, test cases lie after a second date, and validation "
    "cases between the two (global-time split).",
    "random": "The order of events is not used: of each user, one event drawn at random is the test case, another is "
    "for validation, and all others are for training (random split).",
    "ratio": "The items of each user are divided by ratio into training, validation and test; a test case is the set "
    "of a user’s test items (ratio split).",
    "published": "The test items of each user are those of the published test set; some of the others are for "
    "validation (published split).",
}


def with_dataset_name(parameters: dict[str, Any]) -> dict[str, Any]:
    """Parameters of a page whose `dataset` is what pages call it."""
    if "dataset" not in parameters:
        return parameters
    options = parameters.get("options")
    name = dataset_name(str(parameters["dataset"]), options if isinstance(options, dict) else None)
    return parameters | {"dataset": name}


def data_facts(bench: Bench) -> dict[str, str]:
    """Name, size, span of dates and origin of a dataset, each as text. UserError if the data cannot be read."""
    dataset = bench.dataset
    size = f"{dataset.n_users:,} users, {dataset.n_items:,} items, {len(dataset.interactions):,} events"
    return {"name": dataset.name, "size": size, "dates": _dates(dataset), "from": _origin(bench)}


def _dates(dataset: Any) -> str:
    if not dataset.has_times:
        return "no timestamps"
    first, last = (pd.Timestamp(value, unit="s") for value in dataset.interactions[TIME].agg(["min", "max"]))
    return f"{first:%Y-%m-%d} to {last:%Y-%m-%d}"


def _origin(bench: Bench) -> str:
    """Where the data are from: the file with the start of its digest, the publication, or how they are made."""
    about = bench.dataset.about
    if bench.name == "csv":
        digests = ", ".join(f"{name} (SHA-256 {digest[:12]}…)" for name, digest in about.get("files", {}).items())
        return f"your own log, {digests}"
    if bench.name in synthetic.NAMES:
        return f"invented by workbench, {synthetic.NAMES[bench.name]}"
    return ", ".join(filter(None, [about.get("title", bench.name), about.get("release"), about.get("homepage")]))


def methods(bench: Bench, training: dict[str, dict]) -> list[str]:
    """Sentences on protocol, profile, epochs and seeds. training: `Run.training` by label of the run.

    UserError if the data cannot be read.
    """
    split, protocol = bench.split, bench.protocol
    history = "left out" if protocol.mask_history else "not left out"
    what, verb = ("items", "are") if protocol.target_sets else ("item", "is")
    ranked = (f"The {what} of each of the {len(split.test.histories):,} test cases {verb} ranked among all "
              f"{split.n_items:,} items; those of the user’s history are {history}.")  # fmt: skip
    return [SPLITS[protocol.split], ranked, profile_sentence(bench.profile.name), training_sentence(training)]


def profile_sentence(name: str) -> str:
    """The limits of a profile in words; "" for an unknown name."""
    try:
        profile = get_profile(name)
    except UserError:
        return ""
    limits = {"epochs": profile.epochs, "users": profile.users, "events": profile.events}
    words = [f"{limit:,} {what}" for what, limit in limits.items() if limit is not None]
    return f"Profile {name}: {'at most ' + ', '.join(words) if words else 'no limit of epochs, users or events'}."


def training_sentence(training: dict[str, dict]) -> str:
    """How many epochs each network was trained, from which seeds; "" if nothing is known."""
    if not training:
        return ""
    seeds = sorted({each["seed"] for each in training.values()})
    seed = f"one seed ({seeds[0]})" if len(seeds) == 1 else f"{len(seeds)} seeds ({', '.join(map(str, seeds))})"
    free = [name for name, each in training.items() if each["baseline"]]
    words = f"Trained with {seed}: {trained}." if (trained := epochs(training)) else f"No network was trained; {seed}."
    chosen = " Checkpoints are selected on validation, never on test." if trained else ""
    return words + chosen + (f" Training-free baselines: {', '.join(free)}." if free else "")


def epochs(training: dict[str, dict]) -> str:
    """The epochs of each trained network, such as "sasrec 20 epochs, validation still rising"; "" without any."""
    return "; ".join(
        f"{name} {each['epochs']} epochs{', validation still rising' if each['still_rising'] else ''}"
        for name, each in training.items() if not each["baseline"] and each["epochs"]
    )  # fmt: skip
