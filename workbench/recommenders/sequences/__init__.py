"""What sequence recommenders share beyond the next item. sequence_views: a history said in another way; time_gaps: the
time between events as an input; refresh_then_freeze: two phases for an encoder that also makes its item table.
"""
