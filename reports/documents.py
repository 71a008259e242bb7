"""Documents of the house itself: the archive of a firm."""

from reports.archive import jobs
from reports.registry import Document, register

register(
    Document(
        name=jobs.EXPORT,
        title="会社のデータの書き出し",
        template_version="1",
        build=jobs.no_page,
        filename=jobs.filename,
        when_done=jobs.keep_for_a_week,
        when_failed=jobs.nothing,
        write=jobs.write,
        content_type="application/zip",
        extension="zip",
        permission="firm.export",
        label="ダウンロードする",
    )
)
