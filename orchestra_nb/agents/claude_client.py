"""Clients of the Messages API: whether there are credentials, and one client per event loop.

A client belongs to the loop that made it; used from another one, its connections fail at random.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from .claude_errors import NO_CREDENTIALS
from .claude_tools import in_thread

if TYPE_CHECKING:
    from anthropic import AsyncAnthropic

__all__ = ["SILENCE_S", "ClientFactory", "check_credentials", "client_for", "close_clients"]

SILENCE_S = 300.0
"""A connection on which nothing comes for so long is given up; the API says something each few
seconds, also while a model thinks."""
_CONNECT_S = 10.0

ClientFactory = Callable[[], "AsyncAnthropic"]
"""Makes a client; called inside the loop that will use it, once per loop."""

_PLAIN = ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN")
_FEDERATION = ("ANTHROPIC_FEDERATION_RULE_ID", "ANTHROPIC_ORGANIZATION_ID")
_IDENTITY = ("ANTHROPIC_IDENTITY_TOKEN", "ANTHROPIC_IDENTITY_TOKEN_FILE")
_CHOICE = (*_PLAIN, "ANTHROPIC_PROFILE", "ANTHROPIC_BASE_URL", "ANTHROPIC_CONFIG_DIR")


def check_credentials() -> str | None:
    """Find out without the network, and without importing the SDK, whether there is a key.

    Looks where the SDK looks: the key and the token in the environment, a named profile, workload
    identity, the active profile on disk. A base URL alone is not enough: the SDK sends nothing
    without a key, so give a local server any key.

    Returns:
        `None` when there are credentials, else what to do, in one message.
    """
    for name in _PLAIN:
        value = os.environ.get(name, "")
        if not value:
            continue
        if not value.strip():
            return f"{name} is blank. {NO_CREDENTIALS}"
        if any(not "!" <= char <= "~" for char in value):
            return (
                f"{name} holds a space, a line break or a sign no key has; it can't be sent. "
                "Copy the key again, without anything around it."
            )
        return None
    if profile := os.environ.get("ANTHROPIC_PROFILE"):
        file = _profile_file(profile)
        if file.is_file():
            return None
        return f"ANTHROPIC_PROFILE names {profile!r}, but {file} does not exist. {NO_CREDENTIALS}"
    if all(map(os.environ.get, _FEDERATION)) and any(map(os.environ.get, _IDENTITY)):
        return None
    if "authorization:" in os.environ.get("ANTHROPIC_CUSTOM_HEADERS", "").lower():
        return None
    if _profile_file(_active_profile()).is_file():
        return None
    if base_url := os.environ.get("ANTHROPIC_BASE_URL"):
        return (
            f"{NO_CREDENTIALS} (ANTHROPIC_BASE_URL is set to {base_url!r}, but no request is sent "
            "without a key; a local server takes any.)"
        )
    return NO_CREDENTIALS


def _config_dir() -> Path:
    if chosen := os.environ.get("ANTHROPIC_CONFIG_DIR"):
        return Path(chosen)
    if sys.platform == "win32":
        return Path(os.environ.get("APPDATA") or Path.home() / "AppData" / "Roaming") / "Anthropic"
    return Path.home() / ".config" / "anthropic"


def _profile_file(profile: str) -> Path:
    return _config_dir() / "configs" / f"{profile}.json"


def _active_profile() -> str:
    try:
        return (_config_dir() / "active_config").read_text(encoding="utf-8").strip() or "default"
    except (OSError, UnicodeDecodeError):
        return "default"


@dataclass(slots=True)
class _Pool:
    """The clients of one loop; the lock keeps a hundred agents from making a hundred."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    clients: dict[object, AsyncAnthropic] = field(default_factory=dict)
    lives: list[AsyncGenerator[AsyncAnthropic]] = field(default_factory=list)


_pools: dict[asyncio.AbstractEventLoop, _Pool] = {}


async def client_for(
    *, base_url: str | None = None, factory: ClientFactory | None = None
) -> AsyncAnthropic:
    """The running loop's client for a server and the credentials of this moment.

    It is closed when the loop shuts down its async generators, as `asyncio.run` does, or by
    `close_clients`.
    """
    loop = asyncio.get_running_loop()
    pool = _pools.setdefault(loop, _Pool())
    # A key that is set or changed later gets a client of its own.
    chosen = hash(tuple(os.environ.get(name) for name in _CHOICE))
    key = (base_url, chosen) if factory is None else factory
    async with pool.lock:
        if key not in pool.clients:
            if factory is None:
                await in_thread(_load)
                client = _make(base_url)
            else:
                client = factory()
            life = _live(client, loop)
            pool.clients[key] = await anext(life)
            pool.lives.append(life)
        return pool.clients[key]


async def close_clients() -> None:
    """Close the clients of the running loop."""
    pool = _pools.pop(asyncio.get_running_loop(), None)
    for life in pool.lives if pool else ():
        await life.aclose()


async def _live(
    client: AsyncAnthropic, loop: asyncio.AbstractEventLoop
) -> AsyncGenerator[AsyncAnthropic]:
    """Hold a client until the loop ends: its shutdown closes open async generators."""
    try:
        yield client
    finally:
        _pools.pop(loop, None)
        await client.close()


def _load() -> None:
    """Import the SDK, which takes seconds: never on a loop."""
    import anthropic.lib.streaming
    import anthropic.resources.messages  # noqa: F401


def _make(base_url: str | None) -> AsyncAnthropic:
    import httpx2
    from anthropic import AsyncAnthropic

    # Retries are the engine's: there they are visible, bounded by the task's time, and counted.
    timeout = httpx2.Timeout(SILENCE_S, connect=_CONNECT_S)
    return AsyncAnthropic(base_url=base_url, max_retries=0, timeout=timeout)
