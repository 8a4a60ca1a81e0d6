"""Proof by breaking: seeded, bounded harnesses that count violations of what must always hold."""
