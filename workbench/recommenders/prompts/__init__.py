"""Second stages that read a prompt, by a local language model or by a small network that stands in for one.

Read templates first, the prompts, and local_model, who answers them: yes_no and letters are how an answer is read,
summaries and entailment what is asked with them. board is what the steps of a pipeline write on.
"""
