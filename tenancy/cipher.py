"""What must be kept or sent so that only this installation can read it."""

from base64 import urlsafe_b64encode

from cryptography.fernet import Fernet, MultiFernet
from django.conf import settings
from django.utils.crypto import salted_hmac


def cipher_for(purpose: str) -> MultiFernet:
    """Encrypts with a key made from SECRET_KEY for this purpose alone; reads what older keys have encrypted too."""
    secrets = (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    return MultiFernet([Fernet(_key(purpose, secret)) for secret in secrets])


def _key(purpose: str, secret: str) -> bytes:
    made = salted_hmac("michisuji.cipher", purpose, secret=secret, algorithm="sha256")
    return urlsafe_b64encode(made.digest())
