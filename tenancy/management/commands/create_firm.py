"""The first door of a new installation: there is no self sign-up."""

from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from tenancy.account import password_link
from tenancy.actions import create_firm


class Command(BaseCommand):
    help = "Create a firm with its first admin, and print the link to set the password."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--slug", required=True, help="the firm's word in addresses: /<slug>/")
        parser.add_argument("--name", required=True, help="the firm's name")
        parser.add_argument("--admin-email", required=True, help="who signs in first")
        parser.add_argument("--admin-name", default="", help="the admin's name, e.g. 佐伯 真理子")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            made = create_firm(
                slug=options["slug"],
                name=options["name"],
                admin_email=options["admin_email"],
                admin_name=options["admin_name"],
            )
        except ValidationError as error:
            raise CommandError(f"作成できませんでした / not created: {' '.join(error.messages)}") from error
        self.stdout.write(f"「{made.firm.name}」を作成しました: {settings.PUBLIC_URL}/{made.firm.slug}/")
        if made.user_is_new:
            self.stdout.write("次のページでパスワードを決めて、ログインしてください(3日間有効です)。")
            self.stdout.write(password_link(made.admin.user))
        else:
            self.stdout.write(f"{made.admin.user.email} さんは、いまのパスワードでログインできます。")
