"""Re-rankers that are trained on the lists of a first stage. Read first_stages, which makes these lists, then trained,
the assembly around a network. judged has the probabilities of such a network, for calibration;
stopped_lists where lists end; mixed_sources is the network of x_cross.
"""
