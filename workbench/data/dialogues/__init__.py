"""Dialogues in which things are mentioned and movies are recommended, as events of a dataset.

Read assembly first (what a user, an event and a case of a dialogue are), then turn_level and entity_links (readers of
published layouts); mentions is what systems read of the tables.
"""
