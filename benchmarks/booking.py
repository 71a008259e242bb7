"""Many who book at once, over HTTP: how long they wait, whether four places stay four, and how many a second.

    ./benchmarks/run booking [ROUNDS [BOOKERS]]     20 rounds of 50; the long race is 1000 100

Ours and the rival (`bare_booking`) in gunicorn with two workers of four threads over the same PostgreSQL; rounds
alternate, but that the rival runs no more than a hundred, spread over all. Each booker has an address, a company and a
time of their own: only the places are scarce.
"""

import http.client
import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import timedelta
from urllib.parse import urlencode
from uuid import uuid4

from benchmarks.ground import FIRM, machine, p50, prepare, say
from benchmarks.pages import served
from tenancy import clock

GOAL = 1.5
RIVAL_ROUNDS = 100
CAP, LARGE = 4, 90
SECRET = "b" * 32

Ask = Callable[[int], int]


def at_once(ask: Ask, numbers: Sequence[int]) -> tuple[Counter[int], list[float], float]:
    """What they were answered, how long each waited, and all together."""
    start, statuses, waited = threading.Barrier(len(numbers) + 1), Counter[int](), []

    def one(number: int) -> None:
        start.wait()
        began = time.perf_counter()
        status = ask(number)
        waited.append(time.perf_counter() - began)
        statuses[status] += 1

    threads = [threading.Thread(target=one, args=(number,)) for number in numbers]
    for each in threads:
        each.start()
    start.wait()
    began = time.perf_counter()
    for each in threads:
        each.join()
    return statuses, waited, time.perf_counter() - began


def post(port: int, path: str, body: str, headers: dict[str, str]) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("POST", path, body, headers)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status


class House:
    """The firm of the demo, with a month that has nothing in it but free times."""

    def __init__(self) -> None:
        from consultations.calc import months
        from tenancy.models import Firm
        from tenancy.scope import Scope

        self.scope = Scope.of_firm(Firm.objects.get(slug=FIRM).pk)
        self.month = months.after(clock.today().replace(day=1))
        self.forms = 0
        self.empty(CAP)
        self.slots = self._open()

    def _open(self) -> list[str]:
        from datetime import time as at

        from consultations.actions.desk import let_consult, set_hours, update_desk
        from consultations.calc import months
        from consultations.free_times import free_times
        from consultations.models import Schedule
        from tenancy.models import Membership, PrivacyNotice
        from tenancy.scope import open_scope

        with open_scope(self.scope):
            update_desk(values={"cap": CAP, "minutes": 30, "step": 30, "opens_on": 1}, seen=None, actor=None)
            Schedule.objects.update(gives=False)
            member = Membership.objects.consulting().order_by("pk").first()
            assert member
            schedule = let_consult(member=member, gives=True, actor=None)
            hours = [(weekday, at(8), at(20)) for weekday in (1, 3)]
            set_hours(schedule=schedule, hours=hours, actor=None)
            Schedule.objects.filter(pk=schedule.pk).update(buffer=0, horizon_days=90)
            notice = PrivacyNotice.objects.first()
            self.privacy = notice.version if notice else 0
            times = free_times(self.month, months.last_day(self.month))
        return [str(each.slot) for each in times]

    def empty(self, cap: int) -> None:
        """Nobody has a place."""
        from consultations.actions.desk import set_cap
        from consultations.models import Consultation, WaitlistEntry
        from tenancy.models import Due
        from tenancy.scope import open_scope

        with open_scope(self.scope):
            Consultation.objects.all().delete()
            WaitlistEntry.objects.all().delete()
            set_cap(month=self.month, cap=cap, actor=None)
        Due.objects.filter(kind__startswith="consultations").delete()

    def taken(self) -> int:
        from consultations.models import Consultation
        from tenancy.scope import open_scope

        with open_scope(self.scope):
            count: int = Consultation.objects.taking(self.month).count()
        return count

    def asks(self, port: int) -> Ask:
        """The public form; a new company each time."""
        from django.conf import settings

        from consultations.forms import SEED
        from tenancy.links import make_token

        since = clock.now() - timedelta(minutes=5)

        def ask(number: int) -> int:
            name = f"{number}-{uuid4().hex[:8]}"
            typed = {
                "csrfmiddlewaretoken": SECRET,
                "go": "book",
                "slot": self.slots[number % len(self.slots)],
                "kind": "advice",
                "company_name": f"株式会社 計測{name}",
                "contact_name": "計測 太郎",
                "email": f"owner@{name}.example",
                "topic": "資金繰りを相談したいです。",
                "consent": "on",
                "privacy_version": self.privacy,
                "seed": make_token(SEED, uuid4(), 1, since=since),
            }
            headers = {
                "Host": "localhost",
                "Content-Type": "application/x-www-form-urlencoded",
                "Cookie": f"{settings.CSRF_COOKIE_NAME}={SECRET}",
                "X-Forwarded-For": ".".join(str(byte) for byte in uuid4().bytes[:4]),
            }
            return post(port, f"/{FIRM}/consultation/", urlencode(typed), headers)

        return ask


def p99(seconds: list[float]) -> float:
    return sorted(seconds)[int(len(seconds) * 0.99) - 1] * 1000


class Side:
    """One of the two, and what became of its bookers."""

    def __init__(self, ask: Ask) -> None:
        self.ask = ask
        self.sold: Counter[int] = Counter()
        self.answers: Counter[int] = Counter()
        self.waited: list[float] = []
        self.walls: list[float] = []

    def run(self, bookers: int) -> None:
        statuses, waited, wall = at_once(self.ask, range(bookers))
        self.answers += statuses
        self.waited += waited
        self.walls.append(wall)


def race(house: House, ports: tuple[int, int], rounds: int, bookers: int) -> bool:
    """Rounds of all at once; whether every one of ours sold exactly four, soon enough."""
    ours, bare = sides = Side(house.asks(ports[0])), Side(house.asks(ports[1]))
    every = -(-rounds // RIVAL_ROUNDS)
    for number in range(rounds):
        for side in sides if number % every == 0 else (ours,):
            house.empty(CAP)
            side.run(bookers)
            side.sold[house.taken()] += 1
    say(
        f"{rounds} rounds of {bookers} for {CAP} places: sold {dict(ours.sold)}, answers {dict(ours.answers)}"
    )
    for name, mine, theirs in (
        ("wall", p50(ours.walls), p50(bare.walls)),
        ("p99 of a booker", p99(ours.waited), p99(bare.waited)),
    ):
        say(f"{name:16} ours {mine:.0f} ms, bare {theirs:.0f} ms: {mine / theirs:.2f}×")
    say(f"goal of the p99: {GOAL}×")
    return set(ours.sold) == {CAP} and p99(ours.waited) <= GOAL * p99(bare.waited)


def rate(house: House, port: int) -> None:
    """How many bookings a second, where nobody is refused."""
    house.empty(99)
    ask, began, got = house.asks(port), time.perf_counter(), Counter[int]()
    for first in range(0, LARGE, 10):
        got += at_once(ask, range(first, first + 10))[0]
    seconds = time.perf_counter() - began
    say(f"a large quota, ten at a time: {got[302] / seconds:.1f} bookings a second, {dict(got)}")


def main() -> int:
    """Prints the figures; 1 when a round sold anything but four, or the goal is missed."""
    given = [int(each) for each in sys.argv[1:]]
    rounds, bookers = (*given, *(20, 50)[len(given) :])
    prepare()
    os.environ["TRUSTED_PROXIES"] = "1"
    house = House()
    say(machine())
    with served("benchmarks.bare_booking") as (ports, _):
        rate(house, ports[0])
        met = race(house, ports, rounds, bookers)
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
