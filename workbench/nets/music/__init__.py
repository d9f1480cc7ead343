"""Networks that find music for a video: one query of what is seen and said, and a vector of what is heard."""
