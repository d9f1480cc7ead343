"""What sequence recommenders share beyond the next item. Read over_sasrec first, the encoder, loss and recipe of all
systems over SASRec; sequence_views has a history said in another way, refresh_then_freeze the phases of an encoder that
also makes its item table.
"""
