"""The verdict on a benchmark: cards of figures with intervals and nulls, and fixed rules that turn them into sentences.

Read card first, then sentences, rules (the list of rules), data_rules and model_rules (one function per rule).
"""
