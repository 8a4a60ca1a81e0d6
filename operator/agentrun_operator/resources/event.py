"""Kubernetes Events."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Event:
    """A Kubernetes Event on the run."""

    type: Literal["Normal", "Warning"]
    reason: str
    message: str
