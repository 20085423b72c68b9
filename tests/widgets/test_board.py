"""The widget: its parts, its wire, its repr."""

from __future__ import annotations

import re
from importlib.resources import files
from typing import Any

import pytest

from orchestra_nb.widgets.board import PARTS, Board, free_routing, joined, stylesheet
from orchestra_nb.widgets.snapshot import RunInfo, snapshot

from . import scenes

FOLDER = files("orchestra_nb.widgets") / "static" / "board"


def make_board() -> tuple[Board, list[dict[str, Any]]]:
    """A board of the deciding scene, and what it hears."""
    heard: list[dict[str, Any]] = []
    state = scenes.deciding().state
    return Board(snapshot(state, 1.0, run=RunInfo.of(state)), on_message=heard.append), heard


def test_every_part_is_joined_once_and_the_entry_comes_last() -> None:
    """A part that is not listed would silently be missing from the widget."""
    assert sorted(PARTS) == sorted(item.name for item in FOLDER.iterdir())
    assert len(set(PARTS)) == len(PARTS)
    assert PARTS[-1] == "main.js"
    assert joined().count("export default") == 1


def test_the_parts_import_nothing_and_turn_no_text_into_html() -> None:
    """Foreign text can only become a text node: nothing in the parts could do otherwise."""
    banned = (
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|DOMParser"
    )
    for part in PARTS:
        text = (FOLDER / part).read_text(encoding="utf-8")
        assert not re.search(banned, text), part
        assert not re.search(r"^import |\bimport\(", text, re.MULTILINE), part
        assert not re.search(r"\.set\(\"|save_changes|\.invoke\(", text), f"{part}: no trait sync"


def test_the_stylesheet_styles_nothing_outside_the_board() -> None:
    """A host's page must not change because a board is on it."""
    css = re.sub(r"/\*.*?\*/", "", stylesheet(), flags=re.DOTALL)
    for selectors in re.findall(r"(?:^|[};])\s*([^{};@]+)\{", css):
        for selector in re.split(r",(?![^(]*\))", selectors):
            assert selector.strip().startswith(".onb"), selector


def test_a_board_has_a_stable_repr_and_refuses_unknown_keywords() -> None:
    """The text of a saved cell is the same on every machine."""
    board, _ = make_board()
    assert repr(board) == "<Board of run 20261122T103200Z-pricing-7f3a>"
    with pytest.raises(TypeError, match="colour"):
        Board({}, on_message=print, colour="red")  # type: ignore[call-arg]


def test_messages_of_a_browser_reach_the_callback_and_other_things_do_not() -> None:
    """What is not a mapping is not ours."""
    board, heard = make_board()
    board._handle_custom_msg({"type": "hello", "client": "a"}, [])
    board._handle_custom_msg("noise", [])
    assert heard == [{"type": "hello", "client": "a"}]


def test_pushing_frees_the_routing_of_the_comm_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """On ipykernel 7.4 a click would otherwise go to a shell that may be gone."""

    class Comm:
        def _reply_subshell_for(self, data: object, default: object) -> object:
            return "the shell that published last"

    comm: Any = Comm()
    free_routing(comm)
    assert comm._reply_subshell_for({}, "as the browser chose") == "as the browser chose"
    free_routing(object())
    board, _ = make_board()
    sent: list[Any] = []
    monkeypatch.setattr(board, "send", sent.append)
    board.push({"type": "ack", "id": "1"})
    assert sent == [{"type": "ack", "id": "1"}]


def test_closing_a_board_makes_pushing_a_quiet_nothing() -> None:
    """The engine may still send when the widget is gone."""
    board, _ = make_board()
    board.close()
    board.push({"type": "ack", "id": "1"})
