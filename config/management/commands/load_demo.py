"""Fill the demo. Stands in `config`, the only place above all apps: it writes what several business apps own."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from config.demo import NotTheDemo, load_demo


class Command(BaseCommand):
    help = "Load the demo's two firms. Loading them again changes nothing."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            made = load_demo()
        except NotTheDemo as error:
            raise CommandError(
                f"「{error}」は、デモではない会社が使っています。何も変更していません。"
                f" / The firm {error} exists and is not the demo. Nothing was changed."
            ) from error
        if made:
            self.stdout.write(f"デモを読み込みました: {', '.join(made)}")
        else:
            self.stdout.write("デモは読み込み済みです。何も変更していません。")
