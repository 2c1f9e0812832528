"""Reusable parts of pages. A component draws what it is given; it fetches and decides nothing."""
