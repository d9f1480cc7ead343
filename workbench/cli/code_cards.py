"""What `workbench audit --codes` prints and writes: the cards of several kinds of tokenizers."""
import json
from pathlib import Path


def write_code_cards(bench, kinds: list[str], folder: Path) -> None:
    """Print the tokenizer cards of these kinds of codes, and write them as codes.csv and codes.json into a folder.
    UserError as `inspect_tokenizers`."""
    from workbench.experiment.browse.tokenizers import inspect_tokenizers

    _write(inspect_tokenizers(bench, kinds), folder)


def write_code_scores(bench, kinds: list[str], folder: Path, system: str, seeds: int) -> None:
    """The same, and what a system scores on each kind: printed, and as scores.csv. UserError as `tokenizer_scores`."""
    from workbench.artifacts import write_text
    from workbench.experiment.tokenizer_scores import figures_with_scores, tokenizer_scores

    scores = tokenizer_scores(bench, kinds, system=system, seeds=seeds)
    _write(scores.attrs["cards"], folder)
    print(scores.iloc[:, :3].to_string(float_format="%.4f"))
    together = figures_with_scores(scores)
    if len(together):
        print("figures that go with the score, of the many that could:", together.head(5).to_string(), sep="\n")
    write_text(folder / "scores.csv", scores.to_csv())
    print(f"scores: {folder / 'scores.csv'}")


def _write(tokenizers, folder: Path) -> None:
    """Print the cards and write them."""
    from workbench.artifacts import write_text

    print(tokenizers.beside_nulls().to_string())
    print("\n".join(["in brackets: the value by chance", *tokenizers.reasons()]))
    write_text(folder / "codes.csv", tokenizers.table().to_csv())
    write_text(folder / "codes.json", json.dumps(tokenizers.dict(), indent=1, allow_nan=False) + "\n")
    print(f"codes: {folder / 'codes.csv'}, {folder / 'codes.json'}")
