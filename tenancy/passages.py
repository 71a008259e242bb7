"""Plain texts that people write in a box, as blocks a template can set: headings, lists, paragraphs."""

from dataclasses import dataclass, field
from typing import Literal

_HEADINGS, _ITEMS = ("## ", "■"), ("- ", "・")


@dataclass
class Block:
    """A heading (one line), a list (its items) or a paragraph (its lines)."""

    kind: Literal["heading", "list", "paragraph"]
    lines: list[str] = field(default_factory=list)


def blocks(text: str) -> list[Block]:
    """The blocks of `text`, in order. An empty line, a heading or the other kind of line ends a block."""
    found: list[Block] = []
    fresh = True
    for line in text.splitlines():
        kind, words = _read(line.strip())
        if not words:
            fresh = True
            continue
        if fresh or kind == "heading" or found[-1].kind != kind:
            found.append(Block(kind))
        found[-1].lines.append(words)
        fresh = kind == "heading"
    return found


def _read(line: str) -> tuple[Literal["heading", "list", "paragraph"], str]:
    for mark in _HEADINGS:
        if line.startswith(mark):
            return "heading", line.removeprefix(mark).strip()
    for mark in _ITEMS:
        if line.startswith(mark):
            return "list", line.removeprefix(mark).strip()
    return "paragraph", line


def headline(text: str) -> list[list[str]]:
    """The lines of a headline, each in the phrases after whose 「、」 it may break on a phone."""
    return [
        [phrase for phrase in line.strip().replace("、", "、\n").split("\n") if phrase]
        for line in text.splitlines()
        if line.strip()
    ]
