"""A module that imports a package that is not installed."""

import surely_not_installed  # type: ignore[import-not-found] # noqa: F401
