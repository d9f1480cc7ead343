"""Networks that read visits: sets of codes, and what came before (visit_network)."""
