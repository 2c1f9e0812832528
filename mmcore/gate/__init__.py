"""The trust gate: whether each target may be scored at all, and with what reservation."""
