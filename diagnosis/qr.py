"""A QR code as one SVG path: no style attributes, so it stands under our CSP, and no colours but what CSS gives it."""

from dataclasses import dataclass

import segno

QUIET_ZONE = 4


@dataclass(frozen=True)
class QrPicture:
    """`path` draws the dark modules on a square of `size` units with the quiet zone around it."""

    size: int
    path: str


def qr_picture(text: str) -> QrPicture:
    """The code for a text, with medium error correction. One stroke a row, half a unit down its middle."""
    matrix = segno.make(text, error="m", micro=False).matrix
    strokes = []
    for y, row in enumerate(matrix):
        for start, length in _runs(row):
            strokes.append(f"M{start + QUIET_ZONE} {y + QUIET_ZONE}.5h{length}")
    return QrPicture(len(matrix) + 2 * QUIET_ZONE, "".join(strokes))


def _runs(row: bytearray) -> list[tuple[int, int]]:
    """(start, length) of each stretch of dark modules."""
    runs: list[tuple[int, int]] = []
    for x, dark in enumerate(row):
        if not dark:
            continue
        if runs and sum(runs[-1]) == x:
            runs[-1] = (runs[-1][0], runs[-1][1] + 1)
        else:
            runs.append((x, 1))
    return runs
