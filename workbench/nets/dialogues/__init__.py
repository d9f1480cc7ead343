"""Networks that read what a dialogue mentions, and edits of it in the space of their vectors."""
