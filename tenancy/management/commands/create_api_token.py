"""A key to the API from the command line; standard output holds the token and nothing else."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from tenancy.actions import create_api_token
from tenancy.models import Firm, Membership
from tenancy.scope import Scope, open_scope


class Command(BaseCommand):
    help = (
        "Create an API token with the role that a member has in a firm, and print it. It is not shown again."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--firm", required=True, help="the firm's slug")
        parser.add_argument("--email", required=True, help="the member whose role the token carries")
        parser.add_argument(
            "--name", default="コマンドで発行", help="what it is for; shown in the firm's settings"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        firm = Firm.objects.filter(slug=options["firm"], state=Firm.State.ACTIVE).first()
        if firm is None:
            raise CommandError(f"「{options['firm']}」という会社はありません / no such firm.")
        with open_scope(Scope.of_firm(firm.pk)):
            members = Membership.objects.active().filter(user__email=options["email"].lower())
            member = members.order_by("pk").first()
            if member is None:
                raise CommandError(f"{options['email']} は、この会社のメンバーではありません / not a member.")
            _, text = create_api_token(membership=member, name=options["name"], actor=None)
        self.stdout.write(text)
