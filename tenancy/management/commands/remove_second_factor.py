"""For somebody who has lost telephone and recovery codes, after making sure who is asking."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from tenancy.account import remove_second_factor
from tenancy.models import User
from tenancy.sessions import end_sessions


class Command(BaseCommand):
    help = (
        "Remove a person's second factor, and sign the person out everywhere. The firms' trails tell of it."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--email", required=True, help="whose")

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(email=options["email"].lower()).first()
        if user is None:
            raise CommandError(f"{options['email']} という方はいません / nobody has this address.")
        remove_second_factor(user=user)
        end_sessions(user)
        self.stdout.write(
            f"{user.email} さんの2段階認証を外し、すべての端末をログアウトしました。パスワードでログインできます。"
        )
