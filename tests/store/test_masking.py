"""Secrets never get to the disk."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from orchestra_nb.store.journal import FileJournal
from orchestra_nb.store.masking import add_secret, has_secret, mask, mask_value, refresh_secrets
from tests.elsewhere import ROOT

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
        (f"sk-{'aB3' * 16}", "[secret]"),
        (f"sk-svcacct-{'aB3_' * 8}", "[secret]"),
        (f"glpat-{'aB3_' * 5}!", "[secret]!"),
        (f"ghu_{'x1' * 18} ghr_{'x1' * 18}", "[secret] [secret]"),
        (f"xapp-1-{'A1b' * 8}", "[secret]"),
        (
            f"https://hooks.slack.com/services/T00/B00/{'x1' * 12}",
            "https://hooks.slack.com/services/[secret]",
        ),
        ("for a session ASIAABCDEFGHIJKLMNOP", "for a session [secret]"),
        (f'aws_secret_access_key = "{"aB3/" * 10}"', 'aws_secret_access_key = "[secret]"'),
        (f"AWS_SECRET_ACCESS_KEY={'aB3+' * 10}", "AWS_SECRET_ACCESS_KEY=[secret]"),
        (f"ya29.{'aB3-' * 9} GOCSPX-{'aB3-' * 7}", "[secret] [secret]"),
        (f"sk_live_{'aB3' * 8} rk_test_{'aB3' * 8}", "[secret] [secret]"),
        (f"hf_{'aB3' * 12} npm_{'aB3' * 12}", "[secret] [secret]"),
        (f"pypi-AgEIcHlwaS5vcmc{'aB3-' * 12}", "[secret]"),
        (f"SG.{'aB3-' * 5}.{'aB3-' * 9}", "[secret]"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmN", "[secret]"),
        ("postgres://me:hunter2x@db:5432/x?y=z@w", "postgres://me:[secret]@db:5432/x?y=z@w"),
        ("redis://:hunter2x@db", "redis://:[secret]@db"),
        ("a\nBearer abcdefghij0123456789", "a\nBearer [secret]"),
        ("Authorization: Basic dXNlcjpwYXNz", "Authorization: Basic [secret]"),
        ('{"x-api-key": "0123456789abcdef"}', '{"x-api-key": "[secret]"}'),
        (
            f"-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: x\n\n{PEM}",
            "[secret]",
        ),
        (f"-----BEGIN OPENSSH PRIVATE KEY-----\n{PEM}", "[secret]"),
    ],
)
def test_patterns(text: str, masked: str | None) -> None:
    """Keys and tokens of known forms are taken out, prose about them is left alone."""
    assert mask(text) == (text if masked is None else masked)
    assert mask(json.dumps(text)) == json.dumps(text if masked is None else masked)


@pytest.mark.parametrize(
    "text",
    [
        "task-0123456789abcdef0123456789abcdef0123456789abcdef done",
        "risk-adjusted, desk-research, ask-me-anything; sk-learn",
        "https://example.com:8443/a@b and http://[::1]:80/x@y, mail me@example.com",
        "postgres://{user}:{password}@host, https://user:$TOKEN@host, ftp://u:***@host",
        "commit 9fceb02d0ae598e95dc970b74767f19372d61af8, sha256 "
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "id 7d444840-9dc0-11d1-b245-5ffdce74fad2 of run 20261122T174103Z-pricing-7f3a",
        "Basic authorization: see RFC 7617. The bearer of this letter, clearer than ever.",
        "x-api-key: YOUR_KEY_GOES_HERE; api-keys are keys",
        "eyJhbGciOiJIUzI1NiJ9 is only a header; eyJ.eyJ.x",
        "AKIAABCDEFGHIJKLMNOPQ is too long; SG.A.B; hf_hub_download; npm_config_registry",
        "sk_live_ and sk_test_ begin Stripe's keys; secret_access_key = none",
        "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk",
        "-----BEGIN CERTIFICATE-----\nMIIDdzCCAl+gAwIBAgIEAgAAuTANBgkqhkiG9w0B",
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl me",
    ],
)
def test_harmless_texts_stay(text: str) -> None:
    """What only looks like a secret, names one or stands in for one is left alone."""
    assert mask(text) == text


def test_masking_twice_changes_nothing() -> None:
    """What is masked already stays as it is."""
    text = f"a://b:hunter2x@c {KEY} Bearer abcdefghij0123456789 x-api-key: 0123456789abcdef"
    assert mask(mask(text)) == mask(text)


def test_keys_of_others_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable that is called like a key is one if its value looks like one."""
    for name, value in {
        "STRIPE_API_KEY": "Qz81-made-up-for-this",
        "DB_PASSWORD": "correct4horse-battery",
        "VAULT_TOKEN": "/var/run/secrets/token1",
        "MY_TOKEN": "placeholder-without-digits",
        "KEYBOARD": "us-qwerty-layout-105-keys",
    }.items():
        monkeypatch.setenv(name, value)
    refresh_secrets()
    assert mask("Qz81-made-up-for-this correct4horse-battery") == "[secret] [secret]"
    rest = "/var/run/secrets/token1 placeholder-without-digits us-qwerty-layout-105-keys"
    assert mask(rest) == rest


@pytest.mark.parametrize(
    "piece", ["eyJ", "sk-", "sk-aA", "a.+-", "://a:", "-----BEGIN PRIVATE KEY-----a: ", "A: a: "]
)
def test_masking_takes_no_time_for_odd_texts(piece: str) -> None:
    """No text that somebody makes up holds up whoever masks it."""
    began = time.process_time()
    mask(f"ghp_ x-api-key -----BEGIN PRIVATE KEY-----\n{piece * (200_000 // len(piece))}@")
    assert time.process_time() - began < 1.0


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


def test_names_in_a_transcript_are_masked(journal: FileJournal) -> None:
    """A transcript's mapping may have a key for a key, and keys that are no text."""
    entry: dict[Any, int] = {KEY: 1, (KEY, 2): 3}
    journal.transcript(0, 1, entry)
    journal.close()
    (path,) = journal.folder.transcripts.iterdir()
    line = json.loads(path.read_text())
    assert {"[secret]": 1, "('[secret]', 2)": 3}.items() <= line.items()


def test_small_results_are_masked_before_anybody_has_them(journal: FileJournal) -> None:
    """What stands in the log is what the state holds, without the secret."""
    stored = journal.inline_result({"k": [KEY]})
    assert stored == {"kind": "json", "value": {"k": ["[secret]"]}, "masked": True}
    assert journal.inline_result("no ghp_ in here") == {"kind": "json", "value": "no ghp_ in here"}


def test_values_are_masked_deeply() -> None:
    """Masking a value reaches every text in it and leaves the rest."""
    value = {"a": [1, None, {KEY: (KEY, 2.5)}], "b": True}
    assert mask_value(value) == {"a": [1, None, {"[secret]": ["[secret]", 2.5]}], "b": True}
    json.dumps(mask_value(value))


CLAIMED = {
    "your own keys": ["our-own-key-of-the-API"],
    "other keys of yours": ["somebody-elses-k3y", "their-p4ssword-of-old"],
    "Anthropic": [KEY],
    "OpenAI and its like": [
        *(f"sk-{kind}-{'aB3_' * 6}" for kind in ("proj", "svcacct", "admin", "or-v1")),
        f"sk-{'aB3' * 14}",
    ],
    "GitHub, GitLab": [
        *(f"gh{kind}_{'x1' * 18}" for kind in "posur"),
        f"github_pat_{'x1' * 18}",
        f"glpat-{'aB3_' * 5}",
    ],
    "Slack": ["xoxb-1234567890-abcdefghij", "xoxp-1234567890-abcdefghij", f"xapp-1-{'A1b' * 8}"],
    "AWS": ["AKIAABCDEFGHIJKLMNOP", "ASIAABCDEFGHIJKLMNOP"],
    "Google": [f"AIza{'Sy-b' * 8}123", f"ya29.{'aB3-' * 9}", f"GOCSPX-{'aB3-' * 7}"],
    "Stripe": [f"{a}k_{b}_{'aB3' * 8}" for a in "sr" for b in ("live", "test")],
    "Hugging Face, npm, PyPI, SendGrid": [
        f"hf_{'aB3' * 12}",
        f"npm_{'aB3' * 12}",
        f"pypi-AgEIcHlwaS5vcmc{'aB3-' * 12}",
        f"SG.{'aB3-' * 5}.{'aB3-' * 9}",
    ],
    "JSON web tokens": ["eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmN"],
    "headers": [],
    "passwords in URLs": [],
    "private keys": [f"-----BEGIN EC PRIVATE KEY-----\n{PEM}\n-----END EC PRIVATE KEY-----"],
}
"""Samples of what docs/security.md claims; what keeps a word before it is in the tests above."""


def test_the_docs_claim_what_is_masked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each row of the page's table has its samples here, and all of them are masked."""
    table = (ROOT / "docs" / "security.md").read_text().partition("| what | how it is known |")[2]
    rows = [line.split(" | ")[0].strip("| ") for line in table.split("\n\n")[0].splitlines()[2:]]
    assert rows == list(CLAIMED)
    monkeypatch.setenv("ANTHROPIC_IDENTITY_TOKEN", "our-own-key-of-the-API")
    monkeypatch.setenv("ACME_ACCESS_KEY", "somebody-elses-k3y")
    monkeypatch.setenv("PGPASSWORD", "their-p4ssword-of-old")
    refresh_secrets()
    for row, samples in CLAIMED.items():
        for sample in samples:
            assert mask(f"<{sample}>") == "<[secret]>", row
