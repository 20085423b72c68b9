"""Secrets never get to the disk."""

from __future__ import annotations

import json

import pytest

from orchestra_nb.store.journal import FileJournal
from orchestra_nb.store.masking import add_secret, has_secret, mask, mask_value, refresh_secrets

from .disk import event, put, read

KEY = "sk-ant-api03-AbC_d-0123456789"
PEM = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC\nBKcwggSjAgEAAoIBAQC7"


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        (f"key={KEY}.", "key=[secret]."),
        (f"{KEY}{KEY}", "[secret]"),
        ("Authorization: Bearer abcdefghij0123456789==", "Authorization: Bearer [secret]"),
        ("authorization: bearer  abc.def-ghi_jkl0", "authorization: bearer  [secret]"),
        ("the bearer authentication-protocol-of-choice", None),
        ("a clearer understanding, Bearer {token}", None),
        ("sk-ant-", None),
        ("nothing here", None),
        (f"OPENAI_API_KEY=sk-proj-{'aB3_' * 8}", "OPENAI_API_KEY=[secret]"),
        (f"https://ghp_{'x1' * 18}@github.com/a/b", "https://[secret]@github.com/a/b"),
        (f"token gho_{'x1' * 18}, ghs_{'y2' * 18}", "token [secret], [secret]"),
        (f"github_pat_{'A1b_' * 15}", "[secret]"),
        ("slack xoxb-1234567890-abcdefghij", "slack [secret]"),
        ("aws AKIAABCDEFGHIJKLMNOP.", "aws [secret]."),
        (f"maps AIza{'Sy-b' * 8}123 x", "maps [secret] x"),
        (f"-----BEGIN RSA PRIVATE KEY-----\n{PEM}\n-----END RSA PRIVATE KEY-----!", "[secret]!"),
        (f"-----BEGIN PRIVATE KEY-----\\n{PEM}\\n", "[secret]"),
        ("a file with -----BEGIN PRIVATE KEY----- in it is a private key", None),
        ("AKIA is a tree, ghp_short is none, xoxo", None),
    ],
)
def test_patterns(text: str, masked: str | None) -> None:
    """Keys and tokens of known forms are taken out, prose about them is left alone."""
    assert mask(text) == (text if masked is None else masked)
    assert mask(json.dumps(text)) == json.dumps(text if masked is None else masked)


@pytest.mark.parametrize("name", ["ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"])
def test_keys_of_the_environment(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever stands in the variables that carry keys is a secret, also after it changed."""
    monkeypatch.setenv(name, "correct horse")
    refresh_secrets()
    monkeypatch.setenv(name, "battery staple")
    refresh_secrets()
    assert mask("correct horse battery staple") == "[secret] [secret]"


def test_short_values_are_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """A made-up key such as "dummy" is not taken out of every text."""
    monkeypatch.setenv("ANTHROPIC_API_KEY", "dummy")
    refresh_secrets()
    add_secret(None)
    assert not has_secret("a dummy")
    assert mask("a dummy") == "a dummy"


@pytest.mark.parametrize("secret", ['back\\slash"quote', "neue-schlüssel", "tab\tand\nline"])
def test_secrets_that_json_escapes(journal: FileJournal, secret: str) -> None:
    """A secret is found in a line although JSON spells it differently."""
    add_secret(secret)
    given = event(1, description=f"<{secret}>", rest=[{secret: secret}])
    journal.append([given])
    assert read(journal.folder.log)[0] == [given]
    assert given["description"] == "<[secret]>"
    assert given["rest"] == [{"[secret]": "[secret]"}]


def test_kind_of_an_event_survives(journal: FileJournal) -> None:
    """A key that is spelt like a kind of event does not make the log unreadable."""
    add_secret("agent_start")
    journal.append([event(1, event="agent_start", agent="agent_start")])
    found = read(journal.folder.log)[0][0]
    assert (found["event"], found["agent"]) == ("agent_start", "[secret]")


def test_no_secret_in_the_folder(journal: FileJournal) -> None:
    """Log, transcripts, results and the plan's text: a key that is written is nowhere."""
    for number, value in enumerate(
        [f"long {KEY} " * 500, {"x": [KEY] * 500}, {"x": {KEY: object()}}, {"k": KEY + "x" * 9**6}]
    ):
        put(journal, value, index=number)
    journal.append([event(1, description=KEY, result=journal.inline_result({"k": KEY}))])
    journal.transcript(0, 1, {"headers": {"authorization": f"Bearer {KEY}"}})
    journal.keep_plan_file(lambda: f"# {KEY}").changed()
    journal.close()
    files = [path for path in journal.folder.path.rglob("*") if path.is_file()]
    assert len(files) >= 7
    for path in files:
        assert b"sk-ant" not in path.read_bytes(), path


def test_values_are_masked_deeply() -> None:
    """Masking a value reaches every text in it and leaves the rest."""
    value = {"a": [1, None, {KEY: (KEY, 2.5)}], "b": True}
    assert mask_value(value) == {"a": [1, None, {"[secret]": ["[secret]", 2.5]}], "b": True}
    json.dumps(mask_value(value))
