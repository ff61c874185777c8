"""Tuning the instructions of a language model with DSPy's optimisers."""
