"""Texts that agents can choose: names of files, messages of exceptions, channels."""


def printable(text: str) -> str:
    """The text in one line, without control characters."""
    return "".join(character if character.isprintable() else "?" for character in text)


def brief(error: BaseException, size: int) -> str:
    """The error for a report: at most `size` bytes of valid UTF-8."""
    text = printable(f"{type(error).__name__}: {error}"[:size])
    return text.encode()[:size].decode(errors="ignore")
