"""Served models of a stream of clicks: a network that was trained before (served_clicks), and rates so far (rates)."""
