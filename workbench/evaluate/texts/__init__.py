"""Figures of texts beside the texts that were meant (overlap): corpus BLEU-4 of titles, ROUGE-L of narratives."""
