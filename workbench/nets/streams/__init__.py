"""Networks of served models: whether what is shown is clicked (click_network), and a memory of a model's last errors,
found by hashing (error_memory)."""
