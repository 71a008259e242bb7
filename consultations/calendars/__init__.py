"""Calendars of other programs: ours written for them, theirs fetched and read."""
