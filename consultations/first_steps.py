"""The step of a new firm in which its オンライン相談・壁打ち begins."""

from consultations.models import Weekly
from tenancy.extensions import first_step

first_step(
    "consultations",
    "受付枠を決める",
    "毎月お受けする会社の数と、だれがいつ相談を受けるかを決めます。予約ページに空き時間が出ます。",
    url_name="consultations:settings",
    done=lambda: Weekly.objects.filter(schedule__gives=True).exists(),
    order=50,
)
