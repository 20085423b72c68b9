"""What a cell shows of a run that another process runs."""

from __future__ import annotations

from pathlib import Path

import orchestra_nb as onb
from orchestra_nb.notebook.elsewhere import picture
from tests.elsewhere import CHOICE, Elsewhere, plan_of

HOSTILE = "<img src=x onerror=alert(1)>"


def test_a_run_of_another_process_is_shown_as_it_is(tmp_path: Path) -> None:
    """While it goes on, what waits for an answer is listed with the code that gives it."""
    with Elsewhere(tmp_path, plan_of(CHOICE | {"decision": HOSTILE, "id": "choose"})) as elsewhere:
        run = onb.open(elsewhere.until_asked("choose").id, home=elsewhere.folder.home)
        shown = picture(run)
        assert "Another process runs this; evaluate it again" in shown["text/plain"]
        assert f"{HOSTILE}: " in shown["text/plain"]
        assert "  run.answer('choose', 'A')" in shown["text/plain"]
        assert "run.answer(&#x27;choose&#x27;, &#x27;A&#x27;)" in shown["text/html"]
        assert "<img" not in shown["text/html"]
        run.answer("choose", "B")
        run.wait(20)
        after = picture(run)
    assert "Another process" not in after["text/plain"]
    assert "B · Cassandra" in after["text/plain"]
    assert "<pre>" not in after["text/html"]
