"""Networks that read a row of items whole, as a bag. Read bags first, then autoencoder; prototypes divide a row into
interests. row_diffusion adds noise to rows and takes it away.
"""
