"""The operator's log: a JSON object a line, whose texts are bounded and clean."""

import json
import logging
from datetime import UTC, datetime

from agentrun_kube.text import clean

LONGEST_MESSAGE = 4096
LONGEST_TRACE = 16 * 1024


class JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "severity": record.levelname.lower(),
            "logger": record.name,
            # It may quote names that users chose.
            "message": clean(record.getMessage(), LONGEST_MESSAGE),
        }
        if record.exc_info:
            # Lines stay lines; JSON has them escaped.
            line["exc_info"] = self.formatException(record.exc_info)[-LONGEST_TRACE:]
        return json.dumps(line)


def configure() -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
