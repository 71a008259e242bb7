"""Bring an archive into an empty firm, of whatever size: what 設定 › データの取り込み does for up to 200 MB."""

from pathlib import Path
from typing import Any
from uuid import uuid4

from django.core.management.base import BaseCommand, CommandError, CommandParser

from reports.archive.reading import bring_in, open_archive
from reports.registry import NotMade
from tenancy.models import Firm
from tenancy.scope import Scope, open_scope


class Command(BaseCommand):
    help = "Bring an exported archive into a firm that has no companies yet."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--firm", required=True, help="the slug of the empty firm")
        parser.add_argument("file", type=Path, help="the archive (.zip)")

    def handle(self, *args: Any, **options: Any) -> None:
        firm = Firm.objects.filter(slug=options["firm"], state=Firm.State.ACTIVE).first()
        if firm is None:
            raise CommandError(f"There is no firm {options['firm']!r}.")
        try:
            with options["file"].open("rb") as file, open_scope(Scope.of_firm(firm.pk)):
                counts = bring_in(open_archive(file, most=None), firm, uuid4())
        except OSError as problem:
            raise CommandError(f"{options['file']}: {problem.strerror}") from problem
        except NotMade as refused:
            raise CommandError(str(refused)) from refused
        for name, count in counts.items():
            self.stdout.write(f"{name}\t{count}")
