"""What was on a screen, step by step, as text, and which intents of its user it is evidence of."""
