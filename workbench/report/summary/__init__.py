"""What the index of a report says in words: the conclusion, the data, what was done, and the table of results.

Read `conclusion` first, then `data` and `results`; `cover` holds title, author and note.
"""
