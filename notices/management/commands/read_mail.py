"""For whoever tries the demo: a mail for one person alone (a code, a link that signs in) is in no mail log."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from notices.delivery import CALENDAR_NAME
from notices.models import Mail
from tenancy.models import Firm
from tenancy.scope import Scope, open_scope


class Command(BaseCommand):
    help = "Print the newest mail to an address, where mails go nowhere (no EMAIL_URL)."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email", help="to whom")

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.EMAIL_URL:
            raise CommandError("メールは外へ送られています / mails go out: they are read where they arrive.")
        found = [mail for firm in Firm.objects.all() if (mail := _newest(firm, options["email"].lower()))]
        if not found:
            raise CommandError(
                f"{options['email']} 宛のメールはありません / no mail was sent to this address."
            )
        newest = max(found, key=lambda mail: mail.created_at)
        self.stdout.write(f"{newest.subject}\n\n{newest.body}")
        if newest.calendar:
            self.stdout.write(f"\n── {CALENDAR_NAME} ──\n{newest.calendar}")


def _newest(firm: Firm, email: str) -> Mail | None:
    with open_scope(Scope.of_firm(firm.pk)):
        found: Mail | None = Mail.objects.filter(to=email).newest_first().first()
    return found
