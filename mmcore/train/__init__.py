"""Training: a cohort in, a pack out. ``python -m mmcore train`` is its command."""
