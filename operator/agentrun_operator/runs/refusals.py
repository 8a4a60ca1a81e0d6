"""Refusals of what the operator wants to create."""


class JobRefusedError(Exception):
    """The API server refuses a Job as it is, or the cluster cannot run it."""
