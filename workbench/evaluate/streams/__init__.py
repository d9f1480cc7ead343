"""Streams: what is shown to users over time and how they react (events), and a served model that predicts a window of
time before it observes it (prequential). Read events first."""
