"""What recommenders that read items as text are trained by. Read candidates first, the items that a loss ranks; then
next_title, vectors that are tuned before the recommender. critiques has what a user says after an event, narratives
what is said of a recommendation."""
