"""What the tests of webhooks share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .receiver import Receiver, receiving


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A server that takes webhooks."""
    with receiving() as found:
        yield found
