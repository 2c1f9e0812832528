"""Scoring whole cases, one after the other or for others."""
