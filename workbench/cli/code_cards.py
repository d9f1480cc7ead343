"""What `workbench audit --codes` prints and writes: the cards of several kinds of tokenizers."""
import json
from pathlib import Path


def write_code_cards(bench, kinds: list[str], folder: Path, *, stability: bool = False) -> None:
    """Print the tokenizer cards of these kinds of codes, and write them as codes.csv and codes.json into a folder, the
    latter with all that codes_detailed.csv has. stability: fit each kind three times again, for how far its codes stay
    the same. UserError as `inspect_tokenizers`."""
    from workbench.experiment.browse.tokenizers import inspect_tokenizers

    _write(inspect_tokenizers(bench, kinds), folder, stability)


def write_code_scores(
    bench, kinds: list[str], folder: Path, system: str, seeds: int, *, stability: bool = False
) -> None:  # fmt: skip
    """The same, and what a system scores on each kind: printed, and as scores.csv. UserError as `tokenizer_scores`."""
    from workbench.artifacts import write_text
    from workbench.experiment.tokenizer_scores import figures_with_scores, tokenizer_scores

    scores = tokenizer_scores(bench, kinds, system=system, seeds=seeds)
    _write(scores.attrs["cards"], folder, stability)
    print(scores.iloc[:, :3].to_string(float_format="%.4f"))
    together = figures_with_scores(scores)
    if len(together):
        print("figures that go with the score, of the many that could:", together.head(5).to_string(), sep="\n")
    write_text(folder / "scores.csv", scores.to_csv())
    print(f"scores: {folder / 'scores.csv'}")


def _write(tokenizers, folder: Path, stability: bool) -> None:
    """Print the cards and write them."""
    from workbench.artifacts import write_text

    print(tokenizers.beside_nulls().to_string())
    if stability:
        print(tokenizers.details("stability").to_string())
    print("\n".join(["in brackets: the value by chance", *tokenizers.reasons()]))
    write_text(folder / "codes.csv", tokenizers.table().to_csv())
    write_text(folder / "codes_detailed.csv", tokenizers.detailed_table(stability=stability).to_csv())
    found = tokenizers.dict(stability=stability)
    write_text(folder / "codes.json", json.dumps(found, indent=1, allow_nan=False) + "\n")
    print("codes: " + ", ".join(str(folder / name) for name in ("codes.csv", "codes.json", "codes_detailed.csv")))
