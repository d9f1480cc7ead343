"""What systems share that choose training data: whole histories of train within a budget of events.

Read whole_histories first; surrogate measures each history by a small trained model, influence asks what its removal
would do; strata and transport choose.
"""
