"""Any value of a graph as plain JSON: messages become their fields that are not empty."""

from collections.abc import Mapping
from typing import Any

from langchain_core.messages import BaseMessage

from ...python_agent import jsonable as python


def jsonable(value: Any) -> Any:
    """`python_agent.jsonable.jsonable`, extended for LangChain's types."""
    return python.jsonable(value, fields)


def fields(value: Any) -> Mapping[Any, Any] | None:
    """The fields of a message, or the `default_fields` of any other value."""
    if isinstance(value, BaseMessage):
        return {key: item for key, item in value if item or key == "content"}
    return python.default_fields(value)
