"""What an admin sends to have it brought in."""

import zipfile
from typing import Any
from uuid import uuid4

from django import forms

from reports.archive.reading import MOST_BYTES


class ArchiveForm(forms.Form):
    """An archive, up to 200 MB. `once` makes one import of two clicks."""

    once = forms.UUIDField(widget=forms.HiddenInput, initial=uuid4)
    archive = forms.FileField(
        label="書き出したデータ(ZIP)",
        help_text="道筋から書き出したままのファイル。200MBまで。",
        error_messages={"required": "ファイルを選んでください。", "empty": "ファイルの中身が空です。"},
        widget=forms.FileInput(attrs={"accept": ".zip,application/zip"}),
    )

    def clean_archive(self) -> Any:
        archive = self.cleaned_data["archive"]
        if archive.size > MOST_BYTES:
            raise forms.ValidationError("ファイルが大きすぎます。200MBまで取り込めます。")
        if not zipfile.is_zipfile(archive):
            raise forms.ValidationError("道筋から書き出したZIPファイルを選んでください。")
        archive.seek(0)
        return archive
