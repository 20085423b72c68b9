"""A webhook as a value: what is accepted, how it signs, what it never shows."""

from __future__ import annotations

import copy
import pickle
import traceback
from typing import Any

import pytest

import orchestra_nb as onb
from orchestra_nb.store.settings import settings

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def test_signatures_are_those_of_standard_webhooks() -> None:
    """The published example of the standard has the published signature."""
    hook = onb.Webhook("https://example.com/hook", secret=SECRET)
    body = b'{"test": 2432232314}'
    signature = hook.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body)
    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_secret_may_be_plain_text() -> None:
    """Text without the prefix is the key as it is; another text signs otherwise."""
    one, other = (onb.Webhook("http://x.test", secret=s) for s in ("plain text", "plain texts"))
    assert one.sign("m", 1, b"x") != other.sign("m", 1, b"x")


@pytest.mark.parametrize(
    "url",
    [
        "", "example.com", "ftp://example.com", "file:///etc/passwd", "https://", "http:///x",
        "https://example.com:0", "https://example.com:x", "https://[::1", "https://a b.com",
        "https://example.com/\n", "https://exämple.com", "https://user:pass@example.com/x",
        None, 7, b"https://example.com",
    ],
)  # fmt: skip
def test_bad_urls_are_refused(url: Any) -> None:
    """Only http and https with a host, in ASCII, without credentials; the message shows none."""
    with pytest.raises(onb.SetupError, match="URL") as caught:
        onb.Webhook(url, secret=SECRET)
    assert "pass@" not in str(caught.value)


@pytest.mark.parametrize("secret", ["", "short", "       x", "whsec_", "whsec_???", None, 7])
def test_bad_secrets_are_refused(secret: Any) -> None:
    """A secret is needed, of some length, and base64 where it says so; it is not in the message."""
    with pytest.raises(onb.SetupError, match="secret") as caught:
        onb.Webhook("https://example.com", secret=secret)
    shown = "".join(traceback.format_exception(caught.value)[-1:])
    assert not secret or str(secret) not in shown.replace("whsec_ ", "")


def test_a_webhook_shows_neither_secret_nor_path() -> None:
    """Its repr ends with the host: what follows is often a secret; it can't be written down."""
    hook = onb.Webhook("https://hooks.example.com:8443/T0/B0/xyz", secret=SECRET)
    assert repr(hook) == "<Webhook https://hooks.example.com:8443/…>"
    assert not hasattr(hook, "__dict__")
    for write in (pickle.dumps, copy.deepcopy):
        with pytest.raises(TypeError, match="holds a secret"):
            write(hook)


def test_configure_takes_a_webhook_and_takes_it_back() -> None:
    """One webhook for all runs; anything else is refused and changes nothing."""
    hook = onb.Webhook("https://example.com", secret=SECRET)
    try:
        onb.configure(webhook=hook)
        onb.configure()
        with pytest.raises(onb.SetupError, match=r"must be an onb\.Webhook"):
            onb.configure(webhook="https://example.com")  # type: ignore[arg-type]
        assert settings.webhook is hook
    finally:
        onb.configure(webhook=None)
    assert settings.webhook is None
