"""Cleaning of catalogue text: HTML entities, white space, category paths, placeholder titles."""
import html

import polars as pl


def clean_text(column: pl.Series) -> pl.Series:
    """Text with HTML entities unescaped and white space collapsed to single spaces; missing text becomes ''."""
    column = column.fill_null("")
    has_entity = column.str.contains("&", literal=True)
    if has_entity.any():
        unescaped = pl.Series([html.unescape(text) for text in column.filter(has_entity)], dtype=pl.String)
        column = column.scatter(has_entity.arg_true(), unescaped)
    return column.str.replace_all(r"\s+", " ").str.strip_chars()


def category_path(column: pl.Series) -> pl.Series:
    """`A, B, C` as the path `A > B > C`. A comma inside a name is indistinguishable from a separator."""
    return column.str.replace_all(", ", " > ", literal=True)


def blank_placeholder_titles(column: pl.Series) -> pl.Series:
    """Titles with placeholders such as `title_495` replaced by ''."""
    return column.str.replace(r"^title_\d+$", "")
