"""The first door of a new installation: there is no self sign-up."""

from typing import Any

from allauth.account.forms import default_token_generator
from allauth.account.utils import user_pk_to_url_str
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.urls import reverse

from tenancy.actions import create_firm
from tenancy.models import User


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
            self.stdout.write(_password_link(made.admin.user))
        else:
            self.stdout.write(f"{made.admin.user.email} さんは、いまのパスワードでログインできます。")


def _password_link(user: User) -> str:
    """The same page, with the same one-time key, that 「パスワードをお忘れの方」 sends by mail."""
    kwargs = {"uidb36": user_pk_to_url_str(user), "key": default_token_generator.make_token(user)}
    return settings.PUBLIC_URL + reverse("account_reset_password_from_key", kwargs=kwargs)
