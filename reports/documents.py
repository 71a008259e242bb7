"""Documents of the house itself: the archive of a firm, and what an import brought in."""

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
        when_failed=jobs.keep_for_a_week,
        write=jobs.write,
        content_type="application/zip",
        extension="zip",
        permission="firm.export",
        fresh=True,
        label="ダウンロードする",
    )
)
register(
    Document(
        name=jobs.IMPORT,
        title="会社のデータの取り込み",
        template_version="1",
        build=jobs.no_page,
        filename=jobs.import_filename,
        when_done=jobs.bring_in_once,
        when_failed=jobs.import_failed,
        write=jobs.look_at,
        content_type="text/plain; charset=utf-8",
        extension="txt",
        permission="firm.export",
        fresh=True,
        label="取り込みの記録を保存する",
        doing="内容を確かめています",
        done="取り込みました。ほかの方へのご招待は、設定の「メンバー」と各企業の「メンバー」からお送りください。",
        leads_to=("tenancy:companies", "支援先企業を見る"),
        begins_at=("reports:import", "データの取り込みへ戻る"),
    )
)
