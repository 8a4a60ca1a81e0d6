"""Layer 2: the real operator against a real API server, behind a proxy that injects faults."""
