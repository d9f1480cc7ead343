"""What the index of a report says in words: the conclusion, the data, what was done, and the table of results."""
