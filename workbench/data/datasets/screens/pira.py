"""PIRA-Bench, screens of 100 trajectories with interleaved intents and noise, as text states that the user transcribes.

Published at huggingface.co/datasets/Yuxiang007/PIRA-Bench-data (Apache-2.0), leaderboard at pira-bench.top: trajs.zip
has a folder a trajectory, with images in the order of time and a profile.json. So says its README; how profile.json is
laid out was not verified, and the true intents are not published, as predictions are scored by the leaderboard. What is
read here is therefore a layout of ours, into which a user writes what is on each image and, where it is known, what it
is evidence of; nothing that is measured on it is a result of the benchmark.
"""
import polars as pl

from workbench.data.formats.delimited_text import data_error
from workbench.data.formats.file_lookup import Content, DataFiles, File
from workbench.data.schema import Dataset
from workbench.data.screens.assembly import JOIN, assemble_screens
from workbench.errors import UserError

EVENTS, PROFILES = File("pira_events.jsonl"), File("pira_profiles.jsonl")
LAYOUT = {"trajectory": pl.String, "step": pl.Int64, "t": pl.Int64, "frame_ref": pl.String, "app": pl.String,
          "widget": pl.String, "text": pl.String, "true_intents": pl.List(pl.String)}  # fmt: skip
PROFILE = {"trajectory": pl.String, "profile": pl.String, "text": pl.String}
ABOUT = {
    "title": "PIRA-Bench trajectories as text states", "release": "none in this layout",
    "homepage": "https://huggingface.co/datasets/Yuxiang007/PIRA-Bench-data",
    "terms": "Apache-2.0 (the images); the transcription is the user's own.",
    "citation": "Chai, Tang, Xiao, Liu and Li, PIRA-Bench: A transition from reactive GUI agents to GUI-based "
                "proactive intent recommendation agents, 2026, arXiv:2603.08013",
    "notes": ["a test of mechanisms on text, not the benchmark, whose agents look at images"],
}  # fmt: skip
HOME = ABOUT["homepage"]
BROUGHT = {
    "works": "Text states are read, which the user writes of the images, in a layout of ours.",
    "sample": "tests/data/test_screen_datasets.py", "systems": ("pirf",),
    "stand_ins": {"synthetic-screens": "an invented world of interleaved intents and noise"},
    "lacks": "The true intents, which the leaderboard keeps, so no figure is one of the benchmark; images are not "
             "read. Not verified: the layout of profile.json.",
}  # fmt: skip


def load() -> Dataset:
    """PIRA as text. pira_events.jsonl: a record a screen, trajectory, step, t (milliseconds), frame_ref, app, widget,
    text, true_intents (a list, empty for noise). pira_profiles.jsonl: trajectory, profile, text.

    Counted: repeats of a step and frames that nobody put in words are left out; a time before that of the step before
    is set to that. UserError for a missing file or key, or a record of another form.
    """
    files = DataFiles("pira")
    remedy = f"Images are at {HOME}; write what they show into this layout (workbench/data/datasets/screens/pira.py)."
    files.require(EVENTS, PROFILES, alternative=remedy)
    screens, profiles = _records(files.read(EVENTS), LAYOUT), _records(files.read(PROFILES), PROFILE)
    content = files.read(EVENTS)
    if (bad := screens.filter(pl.any_horizontal(pl.col("trajectory", "step", "t", "true_intents").is_null()))).height:
        what = f"{bad.height} records without trajectory, step, t or true_intents"
        raise data_error(content, None, what, "true_intents of noise is []")
    words = pl.concat_str(pl.col("app", "widget", "text").fill_null(""), separator=" ").str.strip_chars()
    silent = screens.filter(words == "").height
    ordered = screens.filter(words != "").unique(["trajectory", "step"], keep="first", maintain_order=True)
    dropped = {"frames without words": silent, "repeats of a step": screens.height - silent - ordered.height}
    ordered = ordered.sort("trajectory", "step")
    latest = ordered.select(pl.col("t").cum_max().over("trajectory"))["t"]
    dropped["times before the step before (set to it)"] = int((latest != ordered["t"]).sum())
    joined = pl.col("true_intents").list.eval(pl.element().str.replace_all(JOIN, "/", literal=True)).list.join(JOIN)
    filled = pl.col("app", "widget", "text").fill_null("")
    ordered = ordered.with_columns(filled, t=latest, intents=joined).drop("true_intents", "frame_ref", strict=False)
    about = {**ABOUT, "files": files.checksums, "read": {"screens": screens.height, "profiles": profiles.height},
             "dropped": {reason: n for reason, n in dropped.items() if n}}  # fmt: skip
    return assemble_screens("pira", ordered.to_pandas(), profiles.to_pandas(), about)


def _records(content: Content, layout: dict) -> pl.DataFrame:
    """A record a line, with the keys of the layout. UserError for another form, or a key that no record has."""
    try:
        table = pl.read_ndjson(content.data, infer_schema_length=None)
        lacking = [key for key in layout if key not in table.columns and key != "frame_ref"]
        if lacking:
            what = f"no key {', '.join(lacking)} (found: {', '.join(table.columns[:12])})"
            raise data_error(content, None, what, f"a record has {', '.join(layout)}")
        return table.select(pl.col(key).cast(kind) for key, kind in layout.items() if key in table.columns)
    except UserError:
        raise
    except (pl.exceptions.PolarsError, ValueError) as error:
        raise data_error(content, None, f"not a JSON record a line ({str(error)[:120]})") from error
