"""Who runs the installation."""

from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.validators import validate_email

from tenancy.account import password_link
from tenancy.fields import clean_line
from tenancy.operating import make_operator


class Command(BaseCommand):
    help = "Create an operator of the installation, and print the link to set the password."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--email", required=True, help="who signs in")
        parser.add_argument("--name", required=True, help="the operator's name")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            validate_email(options["email"])
        except ValidationError as error:
            raise CommandError(f"作成できませんでした / not created: {' '.join(error.messages)}") from error
        user = make_operator(email=options["email"], name=clean_line(options["name"])[:60])
        self.stdout.write(f"{user.email} さんを運用担当にしました。")
        if user.has_usable_password():
            self.stdout.write("いまのパスワードでログインできます。")
        else:
            self.stdout.write("次のページでパスワードを決めて、ログインしてください(3日間有効です)。")
            self.stdout.write(password_link(user))
        self.stdout.write("ログインのあと「アカウント」で2段階認証を設定すると、運用の画面が開きます。")
