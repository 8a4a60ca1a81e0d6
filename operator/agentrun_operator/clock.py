"""The operator's clock. Decisions read none: the time is handed to them."""

from datetime import UTC, datetime


def now() -> datetime:
    """The time as statuses carry it: UTC, in milliseconds."""
    time = datetime.now(UTC)
    return time.replace(microsecond=time.microsecond // 1000 * 1000)
