"""A command reports what it could not read to its caller, and lists all else."""

from collections.abc import Callable

Problem = Callable[[Exception], None]
