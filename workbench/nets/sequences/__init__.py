"""Networks of sequences beyond attention over item ids: state spaces, several interests, latent steps, text and places.

Each maps the events of a history, right-padded, to hidden states; `nets.transformer` has the encoder they start from.
"""
