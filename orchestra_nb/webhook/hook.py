"""Where to send what happens, and how it is signed."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from typing import Any
from urllib.parse import urlsplit

from ..errors import SetupError

__all__ = ["Webhook"]

SECRET_MIN = 8
_PREFIX = "whsec_"


class Webhook:
    """Where to send what happens, and the secret that signs it.

    Example::

        run = onb.run("plan.yaml", webhook=onb.Webhook("https://example.com/hook", secret=...))

    Args:
        url: An ``http`` or ``https`` URL.
        secret: At least 8 characters, shared with the receiver: ``whsec_`` and base64, or text.

    Raises:
        SetupError: If either is no such thing.
    """

    __slots__ = ("_key", "_secret", "_url")

    def __init__(self, url: str, *, secret: str):
        self._url = _checked_url(url)
        self._secret = secret
        self._key = _key_of(secret)

    @property
    def url(self) -> str:
        """Where messages go."""
        return self._url

    @property
    def place(self) -> str:
        """The URL as far as it may be shown: what follows the host is often a secret."""
        parts = urlsplit(self._url)
        return f"{parts.scheme}://{parts.netloc}/…"

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must not be written down anywhere."""
        return (self._secret, self._secret.removeprefix(_PREFIX), self._url)

    def sign(self, id: str, timestamp: int, body: bytes) -> str:
        """The signature of a message, as its header ``webhook-signature`` has it."""
        signed = b".".join([id.encode(), str(timestamp).encode(), body])
        digest = hmac.new(self._key, signed, hashlib.sha256).digest()
        return f"v1,{base64.b64encode(digest).decode()}"

    def __repr__(self) -> str:
        return f"<Webhook {self.place}>"

    def __reduce__(self) -> Any:
        raise TypeError("A webhook holds a secret and is not written anywhere")


def _checked_url(url: object) -> str:
    if not isinstance(url, str) or not url.isascii() or any(c.isspace() for c in url):
        raise SetupError(
            "A webhook's URL is a text without spaces, in ASCII, such as https://example.com/hook"
        )
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        raise SetupError("A webhook's URL begins with https:// or http:// and names a host")
    if parts.username is not None or parts.password is not None:
        raise SetupError(
            "A webhook's URL holds no user name or password: the signature says who sends"
        )
    return url


def _key_of(secret: object) -> bytes:
    if not isinstance(secret, str) or len(secret.strip()) < SECRET_MIN:
        raise SetupError(f"A webhook needs a secret, a text of at least {SECRET_MIN} characters")
    if not secret.startswith(_PREFIX):
        return secret.encode()
    try:
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except binascii.Error:
        key = b""
    if len(key) < SECRET_MIN:
        raise SetupError(
            f"A webhook's secret that begins with {_PREFIX} goes on with base64 of at least "
            f"{SECRET_MIN} bytes"
        )
    return key
