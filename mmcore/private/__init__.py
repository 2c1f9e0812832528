"""Training with differential privacy, and what an attacker can still tell."""
