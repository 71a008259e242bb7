"""What an admin sends to have it brought in."""

import zipfile
from typing import Any
from uuid import uuid4

from django import forms

MOST_BYTES = 200 * 1024 * 1024  # of what a browser can send; a larger one is brought in by `import_firm`


_TOO_LARGE = "この画面から取り込めるのは200MBまでです。それより大きいときは、運用担当へお申し付けください。"


class ArchiveForm(forms.Form):
    """An archive, up to 200 MB. `once` makes one import of two clicks."""

    once = forms.UUIDField(widget=forms.HiddenInput, initial=uuid4)
    archive = forms.FileField(
        label="書き出したデータ(ZIP)",
        help_text="道筋から書き出したままのファイル。200MBまで。それより大きいときは、運用担当へお申し付けください。",
        error_messages={"required": "ファイルを選んでください。", "empty": "ファイルの中身が空です。"},
        widget=forms.FileInput(attrs={"accept": ".zip,application/zip"}),
    )

    def clean_archive(self) -> Any:
        archive = self.cleaned_data["archive"]
        if archive.size > MOST_BYTES:
            raise forms.ValidationError(_TOO_LARGE)
        if not zipfile.is_zipfile(archive):
            raise forms.ValidationError("道筋から書き出したZIPファイルを選んでください。")
        archive.seek(0)
        return archive

    def say_not_stored(self) -> None:
        """The storage did not take it."""
        self.add_error("archive", "ファイルを保存できませんでした。お手数ですが、もう一度お選びください。")
