"""Objects of the API server as it sends them in JSON: plain dicts."""

from typing import Any

Object = dict[str, Any]
