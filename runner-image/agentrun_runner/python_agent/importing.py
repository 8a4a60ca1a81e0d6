"""From "module:attribute" to the Python object that it names."""

import importlib
from collections.abc import Callable
from typing import Any

from .failures import AgentImportError, brief


def import_attribute(
    source: str, *, field: str, example: str, what: str, is_agent: Callable[[object], bool]
) -> Any:
    """Import the object that "module:attribute" names.

    For messages: `field` is the Agent's field with `source`, `example` a valid value, and `what`
    the word for those attributes of a module that the runtime can run.

    Raises:
        AgentImportError: the text has another form, or the module or the attribute does not exist.
    """
    module_name, colon, attribute = source.partition(":")
    if not (colon and module_name and attribute.isidentifier()):
        raise AgentImportError(
            f'{field} is {source!r}: write it as "module:attribute", for example "{example}"'
        )
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module_name}.".startswith(f"{error.name}."):
            raise AgentImportError(
                f"{field}: the module {module_name!r} imports {error.name!r}, which is not there: "
                "build an image FROM the runner image that has it, and name it in spec.image"
            ) from error
        raise AgentImportError(
            f"{field}: there is no module {module_name!r}: put it into the ConfigMap that "
            "spec.code.configMap names, or into the image"
        ) from error
    except (Exception, SystemExit) as error:
        raise AgentImportError(
            f"{field}: importing {module_name!r} failed: {brief(error)}"
        ) from error
    if not hasattr(module, attribute):
        agents = [name for name, value in vars(module).items() if is_agent(value)]
        raise AgentImportError(
            f"{field}: the module {module_name!r} has no {attribute!r}; "
            f"its {what} are: {', '.join(agents) or 'none'}"
        )
    return getattr(module, attribute)
