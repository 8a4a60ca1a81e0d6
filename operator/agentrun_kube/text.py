"""Text from users, agents and kubelets, made fit for a status, an Event or a log line."""

import re
import unicodedata

LONGEST = 1024  # bytes of one message; the API server takes no longer Event either
CUT = "..."

# Characters that a terminal or a log reader would obey, or that UTF-8 cannot hold: control
# characters, surrogates, and those that change the direction of what follows.
_CONTROLS = frozenset({"Cc", "Cs"})
_DIRECTIONS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_BREAKS = frozenset("\t\n\v\f\r\x85\u2028\u2029")


def clean(text: str, longest: int = LONGEST) -> str:
    """The text as valid UTF-8 of at most that many bytes, without control characters.

    Line breaks and tabs become spaces, other control characters U+FFFD.
    """
    kept = text[: longest + 1]  # a character has at least one byte
    if not kept.isprintable():
        kept = "".join(_fit(character) for character in kept)
    data = kept.encode()
    if len(data) <= longest:
        return kept
    return data[: longest - len(CUT)].decode(errors="ignore") + CUT


def _fit(character: str) -> str:
    if character in _BREAKS:
        return " "
    obeyed = unicodedata.category(character) in _CONTROLS or character in _DIRECTIONS
    return "\ufffd" if obeyed else character


def whole_number(text: str) -> int | None:
    """Parse a non-negative integer; None otherwise (annotations are user-writable)."""
    return int(text) if re.fullmatch("[0-9]{1,19}", text) else None
