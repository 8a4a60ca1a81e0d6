"""Runs: observe one, decide, carry the plan out. Start reading at ``reconcile.py``."""
