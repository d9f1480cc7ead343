"""Parquet, Arrow (Feather) and ORC files."""
from collections import Counter
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.data.formats.containers.file_format import FileFormat
from workbench.data.formats.containers.file_kinds import kind
from workbench.data.formats.containers.tidying import strip_blanks
from workbench.errors import UserError

if TYPE_CHECKING:
    import pyarrow as pa

ROWS = 1 << 18  # of a batch


def _table(path: Path, columns: list[str] | None = None):
    """An open parquet file, or the table of another kind."""
    import pyarrow as pa

    name = kind(path)
    try:
        if name == "parquet":
            import pyarrow.parquet

            return pa.parquet.ParquetFile(path)
        if name == "orc":
            import pyarrow.orc

            return pa.orc.read_table(path, columns=columns)
        import pyarrow.feather

        return pa.feather.read_table(path, columns=columns)
    except (pa.ArrowInvalid, OSError) as error:
        raise UserError(f"{path}: not a complete {name} file ({error}); copy or download it again", code=3) from error


def column_names(path: Path, wanted: tuple[str, ...], form: FileFormat) -> list[str]:
    """The column names of the file, whose own names stand. UserError (code 3) where it is damaged."""
    table = _table(path)
    return table.schema_arrow.names if kind(path) == "parquet" else table.column_names


def batches(path: Path, wanted: tuple[str, ...], form: FileFormat, counts: Counter) -> Iterator["pa.RecordBatch"]:
    """The wanted columns."""
    import pyarrow as pa

    table, names = _table(path, list(wanted)), list(wanted)
    try:
        if isinstance(table, pa.Table):
            found = table.select(names).to_batches(max_chunksize=ROWS)
        else:
            found = table.iter_batches(batch_size=ROWS, columns=names)
        for batch in found:
            if len(batch):
                yield pa.RecordBatch.from_arrays([strip_blanks(batch[name], counts) for name in names], names)
    except (pa.ArrowInvalid, OSError) as error:
        raise UserError(f"{path}: damaged {kind(path)} file ({error}); copy or download it again", code=3) from error


def position(path: Path, name: str, row: int, wanted: tuple[str, ...], form: FileFormat) -> tuple[str, str]:
    """The row (from 0), as text from 1, and its value in a column."""
    values = chain.from_iterable(batch[name] for batch in batches(path, (name,), form, Counter()))
    return f"row {row + 1}", f"{next(islice(values, row, None)).as_py()!r}"[:80]
