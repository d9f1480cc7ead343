"""Items that can be recommended only while they are live, such as rooms of a live stream.

Read windows (which items are live when), then time_valid (targets ranked among them); rules has the baselines to beat.
"""
