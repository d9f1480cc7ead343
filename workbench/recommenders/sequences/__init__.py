"""What sequence recommenders share beyond the next item. Read over_sasrec first, the encoder, loss and recipe of all
systems over SASRec; sequence_views has a history said in another way.
"""
