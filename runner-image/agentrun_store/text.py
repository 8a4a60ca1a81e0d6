"""Texts that agents had a part in: names of files, messages of exceptions, channels."""


def printable(text: str) -> str:
    """In one line, and such that no terminal obeys it."""
    return "".join(character if character.isprintable() else "?" for character in text)


def brief(error: BaseException, size: int) -> str:
    """What went wrong, for a report: at most so many bytes, in valid UTF-8."""
    text = printable(f"{type(error).__name__}: {error}"[:size])
    return text.encode()[:size].decode(errors="ignore")
