"""Networks that read a row of items whole, as a bag. Read bags first, then autoencoder; prototypes divide a row into
interests.
"""
