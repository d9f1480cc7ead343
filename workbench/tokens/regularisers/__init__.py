"""Terms that a system adds to the loss of a tokenizer, such as `RQVAE.fit(vectors, regulariser)` takes."""
