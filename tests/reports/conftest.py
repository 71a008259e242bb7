"""A folder for files and one in which the test documents are told how to behave."""

from pathlib import Path
from typing import Any

import pytest

from tests.reports import papers


@pytest.fixture
def media(tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where documents are kept in this test. MEDIA_ROOT follows DATA_DIR, as in a worker started with it."""
    (tmp_path / "papers").mkdir()
    (tmp_path / "media").mkdir()
    monkeypatch.setenv(papers.FOLDER, str(tmp_path / "papers"))
    settings.MEDIA_ROOT = tmp_path / "media"
    return tmp_path / "media"


@pytest.fixture
def wish(media: Path, tmp_path: Path) -> Path:
    """The folder of wishes: touch a file to wish."""
    return tmp_path / "papers"
