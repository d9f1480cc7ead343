"""Datasets, user histories and splits: from a public file or your own log to train, validation and test.

Read schema (Dataset), protocol, splits and histories first; datasets holds the loaders and formats their parsers.
"""
from workbench.data.histories import Cases, Histories
from workbench.data.protocol import Protocol, protocol_for
from workbench.data.schema import Dataset, assemble
from workbench.data.splits import Split, say_order, split

__all__ = ["Cases", "Dataset", "Histories", "Protocol", "Split", "assemble", "protocol_for", "say_order", "split"]
