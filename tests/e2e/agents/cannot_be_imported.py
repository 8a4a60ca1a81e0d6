"""Imports a package that does not exist."""

import no_such_package  # type: ignore[import-not-found]

graph = no_such_package.graph()
