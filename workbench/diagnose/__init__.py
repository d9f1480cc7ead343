"""Did it have to, and what went wrong: a table, a model or codes in, a small table out."""
