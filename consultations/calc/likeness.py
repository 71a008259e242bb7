"""Whether two who ask may be the same company although nothing says so for sure: shown to the firm, never refused."""

from dataclasses import dataclass

SAME_NAME, SAME_PHONE, SAME_DOMAIN = "会社名", "電話番号", "メールのドメイン"
# Addresses that anybody can have say nothing about a company.
FREE_MAIL = frozenset(
    (
        *("gmail.com", "googlemail.com", "yahoo.co.jp", "yahoo.com", "ymail.ne.jp", "outlook.com"),
        *("outlook.jp", "hotmail.com", "hotmail.co.jp", "live.jp", "msn.com", "icloud.com", "me.com"),
        *("mac.com", "docomo.ne.jp", "ezweb.ne.jp", "au.com", "softbank.ne.jp", "i.softbank.jp"),
        *("ymobile.ne.jp", "yahoo.ne.jp", "rakuten.jp", "nifty.com", "biglobe.ne.jp", "so-net.ne.jp"),
        *("ocn.ne.jp", "plala.or.jp", "infoseek.jp", "excite.co.jp", "goo.jp", "aol.com", "proton.me"),
    )
)
SHORTEST_PHONE = 9  # digits; less is no number that only one company has


@dataclass(frozen=True)
class Face:
    """What somebody says of themselves. `name`: bare, without 株式会社 and the like."""

    name: str
    phone: str
    email: str


def digits(phone: str) -> str:
    """The telephone number as digits; '' where there are too few of them to tell anything."""
    found = "".join(each for each in phone if each.isdigit())
    return found if len(found) >= SHORTEST_PHONE else ""


def domain_of(email: str) -> str:
    """The company's own domain; '' for an address such as anybody can have."""
    domain = email.rpartition("@")[2].lower()
    return "" if domain in FREE_MAIL else domain


def likeness(one: Face, other: Face) -> tuple[str, ...]:
    """In what the two are alike; () where in nothing."""
    pairs = (
        (SAME_NAME, one.name, other.name),
        (SAME_PHONE, digits(one.phone), digits(other.phone)),
        (SAME_DOMAIN, domain_of(one.email), domain_of(other.email)),
    )
    return tuple(label for label, left, right in pairs if left and left == right)
