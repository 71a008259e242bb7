"""Short codes to type on another device: eight characters that cannot be taken for one another, good for a day."""

import secrets
import unicodedata
from datetime import timedelta

from django.utils.crypto import salted_hmac

# Without 0O, 1IL, 2Z, 5S, 8B and UV. 23⁸ ≈ 8 × 10¹⁰ codes against ten attempts an hour and address.
ALPHABET = "34679ACDEFGHJKMNPQRTWXY"
LENGTH = 8
LIFETIME = timedelta(hours=24)


def new_code() -> str:
    """A random code."""
    return "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))


def spaced(code: str) -> str:
    """In two halves, as people read it aloud: `3A7K MPQR`."""
    return f"{code[: LENGTH // 2]} {code[LENGTH // 2 :]}"


def typed(text: str) -> str:
    """What somebody typed, as a code: full width, small letters, spaces and hyphens are forgiven."""
    folded = unicodedata.normalize("NFKC", text).upper()
    return "".join(character for character in folded if character.isalnum())


def hash_of(firm_id: int, code: str) -> str:
    """What is stored. Keyed, because everybody in the firm's scope may read the table of hashes."""
    return salted_hmac("michisuji.resume-code", f"{firm_id}:{code}", algorithm="sha256").hexdigest()
