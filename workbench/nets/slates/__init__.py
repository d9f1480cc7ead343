"""Networks of what is clicked in a slate."""
