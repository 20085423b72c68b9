"""Delivering messages: signed, in order, tried again, never for ever."""

from __future__ import annotations

import io
import random
import socket
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from orchestra_nb.webhook import courier as courier_module
from orchestra_nb.webhook import post as post_module
from orchestra_nb.webhook.courier import Courier, flush
from orchestra_nb.webhook.hook import Webhook
from orchestra_nb.webhook.messages import Messages

from .receiver import SECRET, Receiver

STAMP = "2026-11-18T11:06:40.000Z"


@pytest.fixture(autouse=True)
def complaints(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """The usual waits, shorter; and what is said where logs go."""
    said = io.StringIO()
    monkeypatch.setattr(sys, "__stderr__", said)
    monkeypatch.setattr(courier_module, "FIRST_WAIT_S", 0.01)
    yield said
    for secret in (SECRET, SECRET.removeprefix("whsec_"), "t0ken-in-the-url"):
        assert secret not in said.getvalue()


def opened(number: int) -> dict[str, Any]:
    """The event of a decision that opened."""
    return {
        "event": "decision_opened", "timestamp": STAMP, "decision_id": f"d{number}",
        "question": f"Question {number}", "purpose": "decision", "kind": "standard",
        "category": None, "asker": "", "context": "", "options": [], "recommend": None,
        "because": "", "timeout_s": None,
    }  # fmt: skip


def courier_of(url: str, *numbers: int) -> Courier:
    """A courier of a run in which these decisions opened."""
    courier = Courier(Webhook(url, secret=SECRET), Messages("run-1", "test", False))
    if numbers:
        courier.hear([opened(number) for number in numbers])
    return courier


def ended(courier: Courier) -> None:
    """Wait until a courier has ended."""
    end = time.monotonic() + 20
    while not courier.all_sent():
        assert time.monotonic() < end
        time.sleep(0.005)


def told(receiver: Receiver) -> list[str]:
    """Of what the requests told, in order: ids of decisions, and the end."""
    data = [one.json["data"] for one in receiver.received]
    return [one["decision"]["id"] if "decision" in one else one["status"] for one in data]


def test_messages_come_signed_and_in_order(receiver: Receiver) -> None:
    """A hundred messages arrive once each, in order, as JSON with a signature that fits."""
    courier = courier_of(receiver.url)
    for number in range(100):
        courier.hear([opened(number)])
    courier.close("completed")
    ended(courier)
    assert told(receiver) == [*(f"d{number}" for number in range(100)), "completed"]
    assert len({one.headers["webhook-id"] for one in receiver.received}) == 101
    for one in receiver.received:
        one.verify()
        assert one.headers["content-type"] == "application/json"
        assert one.path == "/hook?token=t0ken-in-the-url"


def test_refusals_are_tried_again_under_the_same_id(receiver: Receiver) -> None:
    """After two refusals comes a 200: three tries with one id, each signed; then the next one."""
    receiver.answers = [(500, {}), (404, {}), (200, {})]
    courier = courier_of(receiver.url, 1, 2)
    requests = receiver.until(4)
    assert told(receiver) == ["d1", "d1", "d1", "d2"]
    assert len({one.headers["webhook-id"] for one in requests}) == 2
    for one in requests:
        one.verify()
    courier.close("completed")
    ended(courier)


def test_a_wait_leaves_the_programs_chance_alone(receiver: Receiver) -> None:
    """What is tried again behind a program's back does not change the numbers it seeded."""
    random.seed(7)
    expected = [random.random(), random.random()]
    random.seed(7)
    receiver.answers = [(500, {}), (500, {}), (200, {})]
    courier = courier_of(receiver.url, 1)
    receiver.until(3)
    assert [random.random(), random.random()] == expected
    courier.close("completed")
    ended(courier)


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds of the waits that would have been."""
    found: list[float] = []
    monkeypatch.setattr(Courier, "_rest", lambda self, seconds, closed: found.append(seconds))
    monkeypatch.setattr(courier_module, "FIRST_WAIT_S", 0.5)
    monkeypatch.setattr(courier_module, "GIVE_UP_S", 1e6)
    return found


def test_waits_grow_and_are_spread(receiver: Receiver, waits: list[float]) -> None:
    """Each wait is about twice the one before, no two alike, up to half a minute and its spread."""
    receiver.answers = [(500, {})] * 12
    courier = courier_of(receiver.url, 1)
    receiver.until(13)
    for number, wait in enumerate(waits):
        usual = min(30.0, 0.5 * 2**number)
        assert 0.5 * usual <= wait <= 1.5 * usual
    assert len(set(waits)) == 12
    courier.close("completed")
    ended(courier)


def test_who_asks_for_time_gets_it(receiver: Receiver, waits: list[float]) -> None:
    """Retry-After is obeyed, up to a minute; a date in it is passed over."""
    receiver.answers = [
        (429, {"retry-after": "7"}),
        (503, {"retry-after": "3600"}),
        (503, {"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}),
    ]
    courier = courier_of(receiver.url, 1)
    receiver.until(4)
    assert waits[:2] == [7.0, 60.0]
    assert waits[2] < 4
    courier.close("completed")
    ended(courier)


def test_redirects_are_not_followed(receiver: Receiver) -> None:
    """A redirect counts as a refusal; nothing is sent to where it leads."""
    elsewhere = receiver.url.replace("/hook", "/stolen")
    receiver.answers = [(301, {"location": elsewhere}), (307, {"location": elsewhere})]
    courier = courier_of(receiver.url, 1)
    courier.close("completed")
    ended(courier)
    assert told(receiver) == ["d1", "d1", "d1", "completed"]
    assert {one.path for one in receiver.received} == {"/hook?token=t0ken-in-the-url"}


def test_gone_means_gone(receiver: Receiver, complaints: io.StringIO) -> None:
    """Who answers 410 hears nothing more of this run, and that is said once."""
    receiver.answers = [(410, {})]
    courier = courier_of(receiver.url, 1, 2)
    ended(courier)
    courier.hear([opened(3)])
    courier.close("completed")
    assert (told(receiver), courier.all_sent()) == (["d1"], True)
    place = receiver.url.split("/hook")[0]
    assert complaints.getvalue() == (
        f"orchestra_nb: the webhook at {place}/… wants no more messages (410)\n"
    )


def test_a_dead_server_is_given_up(
    monkeypatch: pytest.MonkeyPatch, complaints: io.StringIO
) -> None:
    """Where nobody listens, each message is given up after a while, and the thread ends."""
    monkeypatch.setattr(courier_module, "GIVE_UP_S", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    courier = courier_of(f"http://127.0.0.1:{port}/x", *range(50))
    courier.close("completed")
    started = time.monotonic()
    ended(courier)
    assert time.monotonic() - started < 5
    assert complaints.getvalue().count("\n") == 1
    assert "tries; the last said URLError" in complaints.getvalue()


def test_a_server_that_hangs_is_cut_off(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A try without an answer ends in time, and the same message is sent again."""
    monkeypatch.setattr(post_module, "ATTEMPT_S", 0.3)
    receiver.hang.clear()
    courier = courier_of(receiver.url, 1)
    first, second = receiver.until(2)
    assert 0.25 < second.at - first.at < 3
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    receiver.hang.set()
    courier.close("completed")
    ended(courier)


def test_a_server_that_drips_is_cut_off(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An answer that comes byte by byte ends in time too, though each byte is in time."""
    monkeypatch.setattr(post_module, "ATTEMPT_S", 0.3)
    receiver.drip = True
    courier = courier_of(receiver.url, 1)
    first, second = receiver.until(2)
    assert 0.25 < second.at - first.at < 3
    receiver.drip = False
    courier.close("completed")
    ended(courier)


def test_the_queue_is_bounded(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    """While a server hangs, only the newest messages wait, and telling takes no time."""
    monkeypatch.setattr(courier_module, "MOST_WAITING", 50)
    receiver.hang.clear()
    courier = courier_of(receiver.url, 0)
    receiver.until(1)
    started = time.monotonic()
    for number in range(1, 201):
        courier.hear([opened(number)])
    assert time.monotonic() - started < 5
    courier.close("completed")
    receiver.hang.set()
    ended(courier)
    assert told(receiver) == ["d0", *(f"d{number}" for number in range(152, 201)), "completed"]


def test_a_log_that_broke_off_has_an_end_too(receiver: Receiver) -> None:
    """A run whose log can't be written is told as over with the status it ended with."""
    courier = courier_of(receiver.url, 1)
    courier.close("failed")
    courier.finish()
    ended(courier)
    assert told(receiver) == ["d1", "failed"]


def test_before_the_process_ends_what_waits_is_sent(receiver: Receiver) -> None:
    """A flush sends what waits for another try, and takes no longer than it may."""
    receiver.answers = [(500, {"retry-after": "60"})]
    courier = courier_of(receiver.url, 1)
    receiver.until(1)
    flush(5.0)
    assert (told(receiver), courier.all_sent()) == (["d1", "d1"], True)
    receiver.hang.clear()
    stuck = courier_of(receiver.url, 2)
    receiver.until(3)
    started = time.monotonic()
    flush(0.2)
    assert 0.15 < time.monotonic() - started < 5
    assert not stuck.all_sent()
    receiver.hang.set()
    ended(stuck)
    flush(0.1)


def test_what_is_on_its_way_when_the_process_ends_is_tried_again(receiver: Receiver) -> None:
    """An end that comes before the refusal of a message is a reason to try at once, too."""
    receiver.answers = [(500, {"retry-after": "60"})]
    receiver.hang.clear()
    courier = courier_of(receiver.url, 1)
    receiver.until(1)
    courier.finish()
    receiver.hang.set()
    ended(courier)
    assert told(receiver) == ["d1", "d1"]


def test_secrets_are_masked_in_what_is_sent(receiver: Receiver) -> None:
    """What is sent went through the mask."""
    courier = Courier(
        Webhook(receiver.url, secret=SECRET),
        Messages("run-1", "test", False),
        lambda data: {**data, "data": "[secret]"},
    )
    courier.hear([opened(1)])
    assert receiver.until(1)[0].json["data"] == "[secret]"
    courier.close("completed")
    ended(courier)


def test_a_proxy_of_the_environment_is_used(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the environment names a proxy the message goes through it."""
    monkeypatch.setenv("http_proxy", receiver.url.split("/hook")[0])
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    courier = courier_of("http://hooks.example.com/x", 1)
    assert receiver.until(1)[0].path == "http://hooks.example.com/x"
    courier.close("completed")
    ended(courier)


def test_nothing_is_started_for_nothing() -> None:
    """A run without decisions has no thread for its webhook until it ends."""
    before = threading.active_count()
    courier = courier_of("http://127.0.0.1:9/x")
    courier.hear([{"event": "agent_start"}])
    assert threading.active_count() == before
    assert courier.all_sent()
