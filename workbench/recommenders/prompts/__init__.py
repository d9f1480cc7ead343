"""Second stages that read a prompt, by a local language model or by a small network that stands in for one.

Read templates first, the prompts; then trained_second, two stages of which the second is trained, and yes_no_training,
what a judge of single items learns from.
"""
