"""AgentRun in Kubernetes, for every program of the project that talks to the API server.

Names and vocabulary, typed resources, conditions, the runner's termination report, and a client.
Imports nothing of the project outside itself; ``names`` and ``vocabulary`` import nothing but the
standard library.
"""
