"""Recommenders whose unit of training is a user's row of items. Read user_rows first, then row_network, for networks
that score by other means than a product; over_multivae has what systems over Mult-VAE share, prototype_table says what
prototypes stand for.
"""
