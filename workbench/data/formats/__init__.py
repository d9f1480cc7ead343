"""Parsers of published file formats: file bytes in, a table with raw ids out, or one error that names file and line.

Read file_lookup (finding files) and delimited_text (shared parser) first; log_reader with value_parsing and
column_mapping reads your own log, `values` the times in it, in whatever notation.
"""
