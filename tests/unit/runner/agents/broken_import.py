"""A module that cannot be imported."""

raise ValueError("bad configuration")
