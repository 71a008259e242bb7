"""After SECRET_KEY was changed, and before the old one is taken out of OLD_SECRET_KEYS."""

from typing import Any

from django.core.management.base import BaseCommand

from tenancy.second_factor import encrypt_anew


class Command(BaseCommand):
    help = "Encrypt the secrets of all second factors with the present SECRET_KEY."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(f"2段階認証の鍵を{encrypt_anew()}件、いまの SECRET_KEY で暗号化し直しました。")
