"""Forms of a company's 面談記録 and files."""

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4, uuid5

from django import forms
from django.core.files.uploadedfile import UploadedFile

from tenancy import clock
from tenancy.fields import LineField, ParagraphsField
from tenancy.forms import SeenForm
from tenancy.models import Attachment, Company, Handing, Meeting, Membership
from tenancy.permissions import PARTNER
from tenancy.records import Hands
from tenancy.templatetags.michisuji import jdate
from tenancy.uploads import ACCEPTED

FIRST_DAY = date(2000, 1, 1)
MEETINGS_OFFERED = 30
MOST_FILES = 20
_DAYS = "2000年から明日までの日付を入力してください。これからの面談は、終わってから記録します。"
_KIND = "面談の方法を選んでください。"
MOST_TOGETHER = 60 * 1024 * 1024  # a little less than a request may have: tenancy.edges


class SharedField(forms.TypedChoiceField):
    """社内だけ, or shared with the company: said in words, so that nobody shares by a tick that was overlooked."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            label="見られる人",
            choices=[("False", "社内だけ"), ("True", "お客様と共有する(経営者・社員の方が読めます)")],
            coerce=lambda value: value in (True, "True"),
            widget=forms.RadioSelect,
            error_messages=dict.fromkeys(("required", "invalid_choice"), "見られる人を選んでください。"),
            **kwargs,
        )


class Handed(forms.Form):
    """The part of a form that hands something to external partners. Left out where the company has none."""

    handed = forms.TypedMultipleChoiceField(
        label="お渡しする外部人材",
        required=False,
        coerce=int,
        widget=forms.CheckboxSelectMultiple,
        help_text="共有したものだけが届きます。選ばれていない外部人材の方には見えません。",
    )
    handed_seen = forms.CharField(required=False, widget=forms.HiddenInput)

    def offer_partners(self, company: Company, handed: Iterable[int] = ()) -> None:
        """Offer the company's active partners, ticked those to whom it is handed now. One query."""
        partners = partners_of(company)
        if not partners:
            del self.fields["handed"], self.fields["handed_seen"]
            return
        offered = {member.pk for member in partners}
        now = sorted(offered & set(handed))
        self.fields["handed"].choices = [(each.pk, _called(each)) for each in partners]  # type: ignore[attr-defined]
        self.initial.setdefault("handed", now)
        self.initial.setdefault("handed_seen", ",".join(map(str, now)))

    def ticked(self) -> dict[str, Any]:
        """The partners as typed, for a form that is shown again."""
        return {"handed": self.cleaned_data["handed"]} if "handed" in self.fields else {}

    def hands(self) -> Hands:
        """What has to change, compared with what the form showed."""
        seen = [int(each) for each in self.cleaned_data.get("handed_seen", "").split(",") if each.isdecimal()]
        return Hands.between(seen, self.cleaned_data.get("handed", []))


class MeetingForm(Handed, SeenForm):
    """A 面談記録. `once` makes one of two clicks."""

    shared = SharedField()
    once = forms.UUIDField(required=False, widget=forms.HiddenInput)

    field_order = ("held_on", "kind", "attendees", "body", "next_steps", "shared", "handed")

    class Meta:
        model = Meeting
        fields = ("held_on", "kind", "attendees", "body", "next_steps", "shared")
        field_classes = {"attendees": LineField, "body": ParagraphsField, "next_steps": ParagraphsField}
        widgets = {
            "held_on": forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
            "body": forms.Textarea(attrs={"rows": 10}),
            "next_steps": forms.Textarea(attrs={"rows": 4}),
        }
        help_texts = {
            "attendees": "例:社長、工事部長",
            "next_steps": "だれが、いつまでに、何をするか。企業の概要のいちばん上に出ます。",
        }
        error_messages = {
            "held_on": {
                "required": "面談の日付を入力してください。",
                "invalid": "日付を入力してください(例:2026-11-22)。",
            },
            "kind": {"required": _KIND, "invalid_choice": _KIND},
            "body": {"required": "話したことを入力してください。"},
        }

    def __init__(self, *args: Any, company: Company, handed: Iterable[int] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.company = company
        if self.instance._state.adding:
            self.initial["seen"] = ""  # the key is made with the row, and nothing was shown
            self.initial |= {"once": uuid4(), "held_on": clock.today(), "shared": False} | kwargs.get(
                "initial", {}
            )
        self.offer_partners(company, handed)

    def clean_held_on(self) -> date:
        day: date = self.cleaned_data["held_on"]
        if not FIRST_DAY <= day <= clock.today() + timedelta(days=1):
            raise forms.ValidationError(
                "2000年から明日までの日付を入力してください。これからの面談は、終わってから記録します。"
            )
        return day

    def again(self, fresh: Any) -> "MeetingForm":
        """As SeenForm's; the ticks at the partners stay as typed."""
        mine = self.mine() | self.ticked()
        return MeetingForm(instance=fresh, initial=mine, company=self.company, handed=handed_to(fresh))


class FilesInput(forms.FileInput):
    """A choice of several files at once; what is too much together is said before it is sent in vain (michisuji.js)."""

    allow_multiple_selected = True

    def __init__(self) -> None:
        super().__init__(attrs={"data-most-bytes": MOST_TOGETHER})


class FilesField(forms.FileField):
    """Several files; what each one is, is looked at by the view (tenancy.uploads): it tells them apart by name."""

    widget = FilesInput

    def clean(self, data: Any, initial: Any = None) -> list[UploadedFile]:
        """Files, also empty ones. Raises ValidationError when none, or too many, were chosen."""
        files = [each for each in data or [] if each]
        if not files:
            raise forms.ValidationError("ファイルを選んでください。", code="required")
        if len(files) > MOST_FILES:
            raise forms.ValidationError(f"一度に{MOST_FILES}個までお選びください。", code="too_many")
        return files


class MeetingChoice(forms.ChoiceField):
    """One of the company's latest meetings, or none."""

    def __init__(self) -> None:
        super().__init__(label="どの面談のファイルか", required=False)
        self.meetings: dict[str, Meeting] = {}

    def offer(self, company: Company, also: Meeting | None = None) -> None:
        """Offer the latest meetings, and the one that is chosen now. One query."""
        rows = (
            Meeting.objects.filter(company=company).newest_first().only("held_on", "kind")[:MEETINGS_OFFERED]
        )
        self.meetings = {str(row.pk): row for row in (*rows, *([also] if also else []))}
        named = [
            (key, f"{jdate(row.held_on)} {row.get_kind_display()}") for key, row in self.meetings.items()
        ]
        self.choices = [("", "面談とは別のファイル"), *named]

    def prepare_value(self, value: Any) -> Any:
        return str(value.pk) if isinstance(value, Meeting) else value

    def clean(self, value: Any) -> Meeting | None:
        """The meeting itself. Raises ValidationError for one that was not offered."""
        return self.meetings.get(super().clean(value))


class UploadForm(Handed):
    """Files to put with a company, and what is chosen for all of them. `once` makes one of two clicks."""

    files = FilesField(  # type: ignore[assignment]
        label="ファイル",
        help_text=(
            f"{ACCEPTED}。1つ20MBまで、合わせて60MBまで。まとめて選べます。マクロ付き・パスワード付きのものはお預かりできません。"
        ),
    )
    meeting = MeetingChoice()
    shared = SharedField(initial=False)
    once = forms.UUIDField(required=False, widget=forms.HiddenInput)

    field_order = ("files", "meeting", "shared", "handed")

    def __init__(self, *args: Any, company: Company, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["meeting"].offer(company)  # type: ignore[attr-defined]
        self.initial.setdefault("once", uuid4())
        self.offer_partners(company)

    def act(self) -> UUID | None:
        """What makes one of two clicks: the form's id and what was chosen in it. Chosen otherwise it is another act."""
        clean = self.cleaned_data
        meeting: Meeting | None = clean["meeting"]
        chosen = (clean["shared"], str(meeting.pk) if meeting else "", sorted(clean.get("handed", [])))
        return uuid5(clean["once"], str(chosen)) if clean["once"] else None

    def again(self, company: Company, refused: Iterable[str]) -> "UploadForm":
        """The same choices, for the files that have to be sent once more; says which and why."""
        data: Any = self.data.copy()  # type: ignore[attr-defined]
        data["once"] = str(uuid4())  # what comes now are other files
        form = UploadForm(data, company=company)
        form.errors.clear()
        form.add_error("files", list(refused))
        return form


class FileForm(Handed, SeenForm):
    """Who may see a file that is there, and to which meeting it belongs."""

    meeting = MeetingChoice()
    shared = SharedField()

    field_order = ("meeting", "shared", "handed")

    class Meta:
        model = Attachment
        fields = ("meeting", "shared")

    def __init__(self, *args: Any, handed: Iterable[int] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["meeting"].offer(self.instance.company, self.instance.meeting)  # type: ignore[attr-defined]
        self.offer_partners(self.instance.company, handed)

    def again(self, fresh: Any) -> "FileForm":
        """As SeenForm's; the ticks at the partners stay as typed."""
        return FileForm(instance=fresh, initial=self.mine() | self.ticked(), handed=handed_to(fresh))


def partners_of(company: Company) -> list[Membership]:
    """The company's external partners whose engagement lasts, by name. One query."""
    found = Membership.objects.active().filter(company=company, role=PARTNER).select_related("user")
    return list(found.order_by("user__name", "pk"))


def handed_to(thing: Meeting | Attachment) -> list[int]:
    """The memberships that it is handed to. One query."""
    column = Handing.COLUMN_OF[type(thing)]
    return list(Handing.objects.filter(**{column: thing}).values_list("membership_id", flat=True))


def _called(member: Membership) -> str:
    return f"{member.user}({member.title})" if member.title else str(member.user)
