"""The price table."""

from __future__ import annotations

import re
from dataclasses import astuple
from pathlib import Path

import pytest

from orchestra_nb.agents.prices import PRICES_DATE, Price, Prices, Tokens

PAGE = Path(__file__).parents[2] / "docs" / "claude.md"


def test_every_class_of_tokens_has_its_own_price() -> None:
    """A million tokens of each class of sonnet-5-5 cost 2 + 10 + 0.1 + 2.5 + 4 dollars."""
    million = 1_000_000
    tokens = Tokens(million, million, million, million, million)
    assert Prices().cost("claude-sonnet-5-5", tokens) == pytest.approx(18.6)


def test_cache_reads_are_not_a_fixed_share_of_the_input() -> None:
    """The share is 0.025 for fable-5-2, 0.05 for sonnet-5-5 and 0.1 for sonnet-5."""
    table = Prices()
    shares = [
        price.cache_read / price.input
        for model in ("claude-fable-5-2", "claude-sonnet-5-5", "claude-sonnet-5")
        if (price := table.of(model))
    ]
    assert shares == pytest.approx([0.025, 0.05, 0.1])


def test_an_unknown_model_costs_none() -> None:
    """The cost of a model without a price is unknown, never a guess."""
    assert Prices().cost("claude-next-9", Tokens(input=1000)) is None
    assert Prices().of("gpt-sonnet-5-5") is None


def test_a_dated_snapshot_costs_what_its_model_does() -> None:
    """A trailing date does not change the price."""
    table = Prices()
    assert table.of("claude-haiku-4-5-20251001") == table.of("claude-haiku-4-5")


def test_own_prices_replace_and_add() -> None:
    """Overrides win over the built-in table, and can add models."""
    own = Price(1, 1, 1, 1, 1)
    table = Prices({"claude-sonnet-5-5": own, "local": own})
    assert table.of("claude-sonnet-5-5") is own
    assert table.cost("local", Tokens(output=2_000_000)) == 2.0
    assert table.of("claude-opus-5-5") == Price(4, 20, 0.2, 5, 8)
    assert Prices({"local": own}, builtin=False).models == ("local",)


@pytest.mark.parametrize(
    ("model", "cheaper"),
    [
        ("claude-sonnet-5-5", "claude-haiku-5-5"),
        ("claude-opus-5-5-20260101", "claude-sonnet-5-5"),
        ("claude-fable-5-2", "claude-opus-5"),
        ("claude-haiku-5-5", None),
        ("own-big-1", "own-small-1"),
        ("own-small-1", None),
        ("unheard-of", None),
    ],
)
def test_the_next_cheaper_model(model: str, cheaper: str | None) -> None:
    """Of the same maker and generation if there is one, else the dearest that is cheaper."""
    own = {"own-big-1": Price(5, 5, 1, 1, 1), "own-small-1": Price(1, 1, 1, 1, 1)}
    assert Prices(own).cheaper(model) == cheaper


def test_the_table_says_how_old_it_is() -> None:
    """The repr names the date of the figures."""
    assert repr(Prices()) == "Prices(17 models, built-in list of 2026-11-22)"


def test_the_page_on_claude_shows_the_table() -> None:
    """Every price that the docs show is the one that counts, none is missing, the date is right."""
    text = PAGE.read_text("utf-8")
    rows = re.findall(r"^\| (claude-\S+) \|((?: [\d.]+ \|){5})$", text, re.MULTILINE)
    shown = {model: tuple(float(cell) for cell in cells.split("|")[:-1]) for model, cells in rows}
    table = Prices()
    assert shown == {m: astuple(price) for m in table.models if (price := table.of(m))}
    assert f"{PRICES_DATE:%d %B %Y}" in " ".join(text.split())
