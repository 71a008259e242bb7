"""What stands where in an archive; the same for writing and reading."""

from base64 import b64encode
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

from tenancy.keeping import Exported, parents_first

FORMAT, VERSION = "michisuji-firm", 1
MANIFEST, README, PEOPLE = "manifest.json", "README.txt", "people"
PEOPLE_COLUMNS = ["id", "email", "name"]

README_TEXT = """道筋 Michisuji から書き出した、会社のデータです。

  manifest.json   書き出した日時、会社、件数、各ファイルの SHA-256
  data/*.csv      表計算ソフトで開ける一覧(UTF-8、BOM付き)
  data/*.jsonl    同じ内容を、ほかのソフトで読み取るための形にしたもの(1行に1件)
  files/          面談記録などのファイルと、できあがったレポート

道筋の別の会社(まだ企業も診断もない会社)に、このファイルをそのまま取り込めます。
パスワード、APIトークン、お送りしたリンクは含まれません。
操作の記録のうち個人の情報は暗号のままで、その鍵も入っています(data/tenancy.personkey)。
お客様の情報が入っています。お取り扱いにご注意ください。
"""


def exported() -> list[Any]:
    """The models in an archive, each after those that it points to; last those in whose texts ids of others stand and
    to which nobody points (the trail)."""
    models = [model for model in parents_first() if isinstance(model.on_export, Exported)]
    return sorted(models, key=lambda model: model._meta.label_lower == "tenancy.trail")


def columns(model: Any) -> list[str]:
    """The model's columns in an archive: all but the firm, which is the archive itself."""
    return [each.attname for each in model._meta.concrete_fields if each.name != "firm"]


def data_name(name: str, kind: str) -> str:
    return f"data/{name}.{kind}"


def file_name(model: Any, pk: Any) -> str:
    """Where the file of a row stands."""
    return f"files/{model._meta.label_lower}/{pk}"


def plain(value: Any) -> Any:
    """A column's value as JSON has it."""
    if isinstance(value, memoryview | bytes):
        return b64encode(bytes(value)).decode()
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    return str(value) if isinstance(value, UUID | Decimal) else value
