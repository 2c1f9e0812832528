"""Honest figures of a model on patients it has not seen, with intervals."""
