"""A client of the API server, on plain dicts. Start reading at ``kube.py``."""
