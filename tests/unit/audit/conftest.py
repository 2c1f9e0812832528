"""The stores of the tests of ``mmcore/store``, on both kinds of database."""

from tests.unit.store.conftest import clock, place, postgres, store

__all__ = ["clock", "place", "postgres", "store"]
