"""Catalogue text as shops publish it, made readable: HTML entities, stray white space, category paths, years."""
import html

import polars as pl


def clean(column: pl.Series) -> pl.Series:
    """Text with HTML entities resolved and every run of white space as one space; missing text is ''."""
    column = column.fill_null("")
    marked = column.str.contains("&", literal=True)
    if marked.any():
        plain = pl.Series([html.unescape(text) for text in column.filter(marked)], dtype=pl.String)
        column = column.scatter(marked.arg_true(), plain)
    return column.str.replace_all(r"\s+", " ").str.strip_chars()


def category_path(column: pl.Series) -> pl.Series:
    """`A, B, C` as the path `A > B > C`. A comma inside a name cannot be told from one between names."""
    return column.str.replace_all(", ", " > ", literal=True)


def without_placeholders(column: pl.Series) -> pl.Series:
    """Titles such as `title_495`, which stand for an unknown one, as ''."""
    return column.str.replace(r"^title_\d+$", "")
