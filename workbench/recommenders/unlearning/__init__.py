"""What systems that forget share: what is left of train, losses of both sides, and the modules of a SASRec one by one.

Read rest first (the base on what is left), then sides (losses of what is to be forgotten and of what stays); units
records and replaces heads and neurons, last_state computes no state that is not read, twins makes histories of other
items; remaining orders anew by what is left.
"""
