"""What `workbench audit --codes` prints and writes: the cards of several kinds of tokenizers."""
import json
from pathlib import Path


def write_code_cards(bench, kinds: list[str], folder: Path) -> None:
    """Print the tokenizer cards of these kinds of codes, and write them as codes.csv and codes.json into a folder.
    UserError as `inspect_tokenizers`."""
    from workbench.artifacts import write_text
    from workbench.experiment.browse.tokenizers import inspect_tokenizers

    tokenizers = inspect_tokenizers(bench, kinds)
    print(tokenizers.beside_nulls().to_string())
    print("\n".join(["in brackets: the value by chance", *tokenizers.reasons()]))
    write_text(folder / "codes.csv", tokenizers.table().to_csv())
    write_text(folder / "codes.json", json.dumps(tokenizers.dict(), indent=1, allow_nan=False) + "\n")
    print(f"codes: {folder / 'codes.csv'}, {folder / 'codes.json'}")
