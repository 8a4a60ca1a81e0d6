"""An Agent: what its runs run, and what they get."""

from typing import Any

from pydantic import Field

from ..names import DEFAULT_CLAIM
from ..vocabulary import MultitaskStrategy
from .base import Metadata, Model, NameRef


class LangGraph(Model):
    graph: str
    allowed_modules: list[str] = Field(default_factory=list)


class Command(Model):
    command: list[str]
    args: list[str] = Field(default_factory=list)


class Runtime(Model):
    langgraph: LangGraph | None = None
    command: Command | None = None


class Code(Model):
    config_map: NameRef


class Store(Model):
    claim_name: str = DEFAULT_CLAIM


class AgentSpec(Model):
    runtime: Runtime
    image: str | None = None
    code: Code | None = None
    env: list[dict[str, Any]] = Field(default_factory=list)
    env_from: list[dict[str, Any]] = Field(default_factory=list)
    resources: dict[str, Any] = Field(default_factory=dict)
    pod_template: dict[str, Any] = Field(default_factory=dict)
    store: Store = Field(default_factory=Store)
    timeout_seconds: int | None = None
    retries: int | None = None
    ttl_seconds_after_finished: int | None = None
    multitask_strategy: MultitaskStrategy | None = None
    grace_period_seconds: int | None = None


class Agent(Model):
    metadata: Metadata
    spec: AgentSpec
