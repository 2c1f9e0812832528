"""The audit: who saw and did what, when, in a chain of hashes that shows what was altered."""

from mmcore.audit.chain import GENESIS, Entry, Fault, Head, linked, verify

__all__ = ["GENESIS", "Entry", "Fault", "Head", "linked", "verify"]
