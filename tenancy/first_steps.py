"""The first and the last step of a new firm; what lies between is the business apps'."""

from django.db.models import Exists

from tenancy.extensions import first_step
from tenancy.models import Company, FirmProfile, PublicPerson


def _page_is_written() -> bool:
    written = FirmProfile.objects.exclude(headline="").exclude(conviction="")
    return bool(written.filter(Exists(PublicPerson.objects.all())).exists())


first_step(
    "public",
    "公開ページを書く",
    "どのような考えで支援しているか、電話番号と受付時間、お話しする人を書きます。",
    url_name="tenancy:settings_public",
    done=_page_is_written,
    order=0,
)
first_step(
    "company",
    "最初の企業を登録する",
    "登録すると、診断・戦略・4段階の数字をまとめて管理できます。",
    url_name="tenancy:company_new",
    done=lambda: Company.objects.exists(),
    order=100,
)
