"""The planted-truth bench: whether explanations say what truly drove the output."""
