"""A Messages server and a key for every test of this folder that asks for them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.messages_server import MessagesServer

KEY = "sk-ant-test-0123456789abcdef"


@pytest.fixture
def clean_env(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """No credentials anywhere: neither in the environment nor in the home."""
    for name in (
        "ANTHROPIC_API_KEY",
        "ANTHROPIC_AUTH_TOKEN",
        "ANTHROPIC_PROFILE",
        "ANTHROPIC_BASE_URL",
        "ANTHROPIC_CONFIG_DIR",
        "ANTHROPIC_CUSTOM_HEADERS",
        "ANTHROPIC_FEDERATION_RULE_ID",
        "ANTHROPIC_ORGANIZATION_ID",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path_factory.mktemp("home")))


@pytest.fixture
def server(clean_env: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[MessagesServer]:
    """A fresh server that ANTHROPIC_BASE_URL points at, and a key."""
    with MessagesServer() as running:
        monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
        monkeypatch.setenv("ANTHROPIC_BASE_URL", running.base_url)
        yield running
