"""A module that imports what is not installed."""

import surely_not_installed  # type: ignore[import-not-found] # noqa: F401
