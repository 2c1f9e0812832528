"""``python -m mmcore``."""

from mmcore.cli import app

app()
