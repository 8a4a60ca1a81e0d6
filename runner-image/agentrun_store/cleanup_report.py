"""The clean-up Job's report: {"runs": {uid: {"checkpoints": n}}, "errors": {uid: text}}."""

import json
from pathlib import Path

_ERROR_LENGTHS = (500, 100, 30)  # characters of an error's text, as far as there is room


class Report:
    """About 65 runs fit into the termination message; "omitted" counts those that do not."""

    def __init__(self, termination_log: Path, max_message: int) -> None:
        self._termination_log = termination_log
        self._max_message = max_message
        self.runs: dict[str, dict[str, int]] = {}
        self.errors: dict[str, str] = {}

    def done(self, run: str, checkpoints: int) -> None:
        """Add a run and write the report now: the kernel may kill this process at the next run."""
        self.runs[run] = {"checkpoints": checkpoints}
        self.write()

    def failed(self, name: str, text: str) -> None:
        self.errors[name] = text

    def whole(self) -> str:
        """The whole report, in one line."""
        return _json({"runs": self.runs, "errors": self.errors})

    def write(self) -> None:
        """Write it to the file that the kubelet reads."""
        self._termination_log.write_text(_message(self.runs, self.errors, self._max_message))


def _message(runs: dict[str, dict[str, int]], errors: dict[str, str], size: int) -> str:
    """As much as fits: it drops the errors' full texts first, then runs, then errors."""
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
