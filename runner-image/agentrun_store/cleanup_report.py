"""What the clean-up Job says: {"runs": {uid: {"checkpoints": n}}, "errors": {uid: text}}."""

import json
from pathlib import Path

_ERROR_LENGTHS = (500, 100, 30)  # characters of an error's text, as far as there is room


class Report:
    """In the termination message, what has no room is counted in "omitted"; about 65 runs fit."""

    def __init__(self, termination_log: Path, max_message: int) -> None:
        self._termination_log = termination_log
        self._max_message = max_message
        self.runs: dict[str, dict[str, int]] = {}
        self.errors: dict[str, str] = {}

    def done(self, run: str, checkpoints: int) -> None:
        """Written at once: what comes next may be the end of this process."""
        self.runs[run] = {"checkpoints": checkpoints}
        self.write()

    def failed(self, name: str, text: str) -> None:
        self.errors[name] = text

    def whole(self) -> str:
        """All of it, in one line."""
        return _json({"runs": self.runs, "errors": self.errors})

    def write(self) -> None:
        """Leave it where the kubelet takes it from."""
        self._termination_log.write_text(_message(self.runs, self.errors, self._max_message))


def _message(runs: dict[str, dict[str, int]], errors: dict[str, str], size: int) -> str:
    """As much as there is room for: the errors' full texts go first, then runs, then errors."""
    for length in _ERROR_LENGTHS:
        errors = {uid: text[:length] for uid, text in errors.items()}
        text = _json({"runs": runs, "errors": errors})
        if len(text) <= size:
            return text
    runs, errors = dict(runs), dict(errors)
    omitted = 0
    while len(text) > size:
        (runs or errors).popitem()
        omitted += 1
        text = _json({"runs": runs, "errors": errors, "omitted": omitted})
    return text


def _json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))
