"""What a plan would do, as a table of rows in groups: as text, and as static HTML."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from html import escape
from importlib.resources import files
from itertools import groupby
from typing import Final

from ..plan.durations import rough_duration
from .glyphs import glyph
from .words import cut, money

__all__ = ["PlanTable", "Row", "as_html", "as_text"]

_ID: Final = 40
_WHY: Final = 160


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table.

    Attributes:
        word: What happens, such as ``runs``; rows of a word stand together.
        shape: The glyph beside it.
        name: Whose row it is; empty: the row says something of its group.
        why: One sentence.
        seconds: What it is expected to take, if that is known.
        cost: What it is expected to cost, USD, if that is known.
    """

    word: str
    shape: str
    name: str
    why: str
    seconds: float | None = None
    cost: float | None = None

    @property
    def time_told(self) -> str:
        """What it takes, for people; empty if that is not known."""
        return f"about {rough_duration(self.seconds)}" if self.seconds else ""

    @property
    def cost_told(self) -> str:
        """What it costs, for people; empty if that is not known, or nothing."""
        return money(self.cost) if self.cost else ""


@dataclass(frozen=True, slots=True)
class PlanTable:
    """A table: its title, what it comes to, its rows, and what else there is to say."""

    title: str
    sums: str
    rows: Sequence[Row]
    notes: Sequence[str]


def as_text(table: PlanTable) -> str:
    """The table for a terminal, its columns aligned."""
    names = [cut(row.name, _ID) for row in table.rows]
    words = max((len(row.word) for row in table.rows), default=0)
    wide = max(map(len, names), default=0)
    why = max((len(cut(row.why, _WHY)) for row in table.rows if row.time_told or row.cost_told),
              default=0)  # fmt: skip
    took = max((len(row.time_told) for row in table.rows), default=0)
    lines = [f"{cut(table.title, 200)}: {table.sums}"]
    before = None
    for row, name in zip(table.rows, names, strict=True):
        word = row.word if row.word != before else ""
        before = row.word
        reason = cut(row.why, _WHY) if row.name else ""
        shown = name if row.name else cut(row.why, _WHY)
        line = f"  {word:{words}}  {shown:{wide}}  {reason:{why}}"
        lines.append(f"{line}  {row.time_told:{took}}  {row.cost_told}".rstrip())
    return "\n".join([*lines, *(f"  {cut(note, 400)}" for note in table.notes)])


@cache
def _style() -> str:
    return (files(__package__) / "plan_table.css").read_text(encoding="utf-8")


def as_html(table: PlanTable) -> str:
    """The table for a notebook: no script, themed by the host; everything foreign is escaped."""
    groups = "".join(_group(word, list(rows)) for word, rows in groupby(table.rows, _word))
    notes = "".join(f"<div>{escape(cut(note, 400))}</div>" for note in table.notes)
    return (
        f'<div class="onb-plan" data-lm-suppress-shortcuts="true"><style>{_style()}</style>'
        f"<div class=head><b>{escape(cut(table.title, 200))}</b>"
        f"<span>{escape(table.sums)}</span></div>"
        f"<table>{groups}</table><div class=notes>{notes}</div></div>"
    )


def _word(row: Row) -> str:
    return row.word


def _group(word: str, rows: Sequence[Row]) -> str:
    lines = "".join(_cells(word, rows))
    return f"<tbody>{lines}</tbody>"


def _cells(word: str, rows: Sequence[Row]) -> Iterator[str]:
    for number, row in enumerate(rows):
        head = ""
        if number == 0:
            head = (
                f'<th scope=rowgroup rowspan={len(rows)} class="{row.shape}">'
                f"{glyph(row.shape)}<span>{escape(word)}</span></th>"
            )
        if not row.name:
            yield f"<tr>{head}<td colspan=4 class=more>{escape(row.why)}</td></tr>"
            continue
        why = cut(row.why, _WHY)
        yield (
            f"<tr>{head}<td class=id title={_quoted(row.name)}>{escape(cut(row.name, _ID))}</td>"
            f"<td class=why title={_quoted(row.why)}>{escape(why)}</td>"
            f"<td class=num>{escape(row.time_told)}</td>"
            f"<td class=num>{escape(row.cost_told)}</td></tr>"
        )


def _quoted(text: str) -> str:
    return f'"{escape(cut(text, 500))}"'
