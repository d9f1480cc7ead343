"""Low-rank adapters that are mixed: mixed_low_rank by the sample, layer_mixing between the layers of a network. What an
adapter is stands in nets.low_rank; read mixed_low_rank first.
"""
