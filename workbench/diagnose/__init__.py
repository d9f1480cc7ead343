"""Diagnostics of benchmarks and recommenders: each takes a dataset, a model or codes and returns a Card or a table.

Read verdict/card first (figures, intervals, nulls), then data, shortcuts and models; verdict turns cards into
sentences.
"""
