"""Parsers of published layouts: bytes of a file in, a table of raw ids out, or one error that names file and line."""
