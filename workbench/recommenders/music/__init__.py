"""Music for a video: clips with two views and words about them, and the policies that find one by the other.

Read views first (what of a dataset is the video, the music and the text), then worlds (who asks for what); fused_music
is the assembly of the policies, reasons says in words why a clip was shown.
"""
