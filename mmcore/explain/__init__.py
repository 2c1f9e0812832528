"""Explanations that add up: modalities by exact Shapley values, their parts by path integrals.

The method, its axioms and its limits: docs/method.md.
"""
