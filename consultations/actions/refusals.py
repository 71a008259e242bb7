"""Why something cannot be had. Nothing was written then, and what was typed is still on the page."""

from datetime import date

from consultations.models import Consultation, WaitlistEntry


class Refused(ValueError):
    """What was asked for cannot be had."""


class Full(Refused):
    """The month has no place left: `month` says which."""

    def __init__(self, month: date) -> None:
        super().__init__(month)
        self.month = month


class TimeTaken(Refused):
    """The time is not there any more, or never was: taken, past, closed, of nobody here."""


class AlreadyThisMonth(Refused):
    """The company has a place in that month: `first`."""

    def __init__(self, first: Consultation) -> None:
        super().__init__(first.pk)
        self.first = first


class NotWelcome(Refused):
    """The firm takes no bookings from this address."""


class Lapsed(Refused):
    """It was to be confirmed or answered sooner; somebody else may have the place by now."""


class TooLate(Refused):
    """The time until which it could be changed is over."""


class MailsEnough(Refused):
    """The mail has been sent as often as it may be."""


class AlreadyWaiting(Refused):
    """The company is in the queue: `entry`."""

    def __init__(self, entry: WaitlistEntry) -> None:
        super().__init__(entry.pk)
        self.entry = entry


class QueueFull(Refused):
    """The queue of `month` takes nobody any more. They may be told when the next month opens."""

    def __init__(self, month: date) -> None:
        super().__init__(month)
        self.month = month


class StillFree(Refused):
    """`month` has a place and a time: nobody need wait for it."""

    def __init__(self, month: date) -> None:
        super().__init__(month)
        self.month = month
