"""A time that can be booked, as pages and the API name it: of which schedule, and when it starts."""

from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

YEARS = range(2000, 3000)  # near the ends of the calendar there is no month after, and no time in Tokyo


@dataclass(frozen=True)
class Slot:
    """A free time, or one that was free a moment ago."""

    schedule_id: UUID
    starts: datetime

    def __str__(self) -> str:
        """As it stands in forms and addresses: `20261117T0430Z.<schedule>`."""
        return f"{self.starts.astimezone(UTC):%Y%m%dT%H%MZ}.{self.schedule_id}"

    @classmethod
    def read(cls, text: str) -> "Slot | None":
        """The slot that a form sent; None for anything that we never wrote."""
        moment, _, schedule = text.partition(".")
        try:
            starts = datetime.strptime(moment, "%Y%m%dT%H%MZ").replace(tzinfo=UTC)
            return cls(UUID(schedule), starts) if starts.year in YEARS else None
        except ValueError:
            return None
