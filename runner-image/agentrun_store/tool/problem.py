"""What a command could not read, told to its caller, while all else is listed."""

from collections.abc import Callable

Problem = Callable[[Exception], None]
