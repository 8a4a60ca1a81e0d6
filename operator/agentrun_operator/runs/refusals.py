"""What the operator could not have made."""


class JobRefusedError(Exception):
    """The API server does not take a Job as it is, or the cluster could not run it."""
