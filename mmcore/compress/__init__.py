"""Smaller and faster packs: exported encoders, 8-bit arithmetic, pruning, distillation.

Everything here writes a pack beside another one and says how well the two agree; see
docs/compression.md. What a server needs to run one is in ``mmcore/model/exported.py``.
"""
