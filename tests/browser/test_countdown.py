"""The countdown in JupyterLab: it waits for who is there, is never late to say so, decides once."""

from __future__ import annotations

import json
import re

from tests.browser.conftest import OpenNotebook
from tests.browser.lab import Notebook

ASK = """
import asyncio
import orchestra_nb as onb
from orchestra_nb.engine import countdown

async def slow(context):
    await asyncio.sleep(SLOW)

PREPARE
plan = onb.Plan(name="Asking", phases=[onb.Phase(name="All", tasks=[
    onb.Task(agent="slow"),
    onb.Decision(title="Database", options={"A": "PostgreSQL", "B": "Cassandra"}, recommend="A",
                 timeout="TIMEOUT"),
])])
run = onb.run(plan, agents={"slow": slow})
"""
CARD = ".onb .card[aria-label='Database']"
OUTCOME = "[(d.outcome.option, d.outcome.by, d.outcome.note) for d in run.decisions if d.outcome]"
MOVES = """() => ['.option', 'button', 'input']
    .flatMap(what => [...document.querySelectorAll(`.onb .card ${what}`)])
    .map(el => { const r = el.getBoundingClientRect(); return [r.x, r.y, r.width, r.height]; })"""
TICKS = """() => {
    window.__ticks = [];
    const time = document.querySelector('.onb .card .time');
    new MutationObserver(() => window.__ticks.push([performance.now(), time.textContent]))
        .observe(time, {childList: true, characterData: true, subtree: true});
}"""


def ask(timeout: str, prepare: str = "", *, slow: int = 0) -> str:
    """The cell that asks, after what it does to the package; the run takes ``slow`` seconds."""
    filled = ASK.replace("TIMEOUT", timeout).replace("SLOW", str(slow))
    return filled.replace("PREPARE", prepare)


def events(notebook: Notebook) -> list[dict[str, object]]:
    """The log, as it stands on disk."""
    text = notebook.kernel("print((run.folder / 'orchestration-timeline.jsonl').read_text())")
    return [json.loads(line) for line in text.splitlines() if line.strip()]


def test_typing_is_never_overtaken(open_notebook: OpenNotebook) -> None:
    """Who types for longer than the whole clock is not decided for, and the note arrives."""
    notebook = open_notebook([ask("3s")])
    notebook.run_all()
    note = notebook.page.locator(f"{CARD} .note input")
    note.click()
    for letter in "take it":
        note.press(letter)
        notebook.page.wait_for_timeout(800)
    assert notebook.kernel(f"print({OUTCOME})").strip() == "[]"
    notebook.page.locator(CARD).get_by_text("Clock paused while you type.").wait_for()
    notebook.page.locator(f"{CARD} .btn.main").click()
    notebook.wait_for_kernel(OUTCOME, "[('A', 'user', 'take it')]")
    causes = [e["cause"] for e in events(notebook) if e["event"] == "decision_held"]
    assert "typing" in causes


def test_hovering_holds_the_clock_for_a_while_only(open_notebook: OpenNotebook) -> None:
    """A pointer that rests on an option holds the clock for the visitor's allowance, no longer."""
    notebook = open_notebook([ask("3s", "countdown.HERE_MAX_S = 4.0")])
    notebook.run_all()
    notebook.page.locator(f"{CARD} .option").first.hover()
    notebook.page.locator(CARD).get_by_text("Clock paused while you are here").wait_for()
    notebook.wait_for_kernel(OUTCOME, "[('A', 'timeout', '')]", timeout=30)
    outcome = next(e for e in events(notebook) if e["event"] == "decision")
    assert isinstance(outcome["waited_s"], float)
    assert 3.0 < outcome["waited_s"] <= 3.0 + 4.0 + 1.0


def test_a_warning_moves_no_button(open_notebook: OpenNotebook) -> None:
    """When the 30 s warning appears every button and option stays where it was, to the pixel."""
    notebook = open_notebook([ask("36s")])
    notebook.run_all()
    notebook.page.locator(CARD).get_by_text("left, then A is taken").wait_for()
    notebook.page.wait_for_timeout(500)  # the page settles after the first picture
    before = notebook.page.evaluate(MOVES)
    notebook.page.locator(CARD).get_by_text("Under 30 seconds, then A is taken.").wait_for()
    assert notebook.page.evaluate(MOVES) == before
    assert len(before) >= 5


def test_two_tabs_answer_differently(open_notebook: OpenNotebook) -> None:
    """Of two answers at the same moment one wins; the other tab is told who decided."""
    together = "\n".join(
        [
            "from orchestra_nb.notebook.attach import Attached",
            "heard, answers = Attached._hear, {}",
            "def hear(self, message):",
            "    if (message.get('body') or {}).get('command') != 'answer':",
            "        return heard(self, message)",
            "    answers.setdefault(message['id'], message)",
            "    if len(answers) == 2:",
            "        for one in answers.values():",
            "            heard(self, one)",
            "Attached._hear = hear",
        ]
    )
    notebook = open_notebook([ask("10m", together, slow=60)])
    notebook.run_all()
    notebook.page.locator(CARD).wait_for()
    notebook.save()
    other = notebook.second_tab()
    for tab, key in ((notebook, "A"), (other, "B")):
        tab.page.locator(CARD).locator(f"input[value='{key}']").check()
        tab.page.locator(f"{CARD} .btn.main").click()
    notebook.wait_for_kernel("len([d for d in run.decisions if d.outcome])", "1")
    said = re.compile(r"Already decided: A, by you in another tab, at \d+:\d\d\.")
    other.page.locator(".onb").get_by_text(said).first.wait_for()
    assert not notebook.page.locator(".onb").get_by_text(said).count()
    assert [e["event"] for e in events(notebook)].count("decision") == 1


def test_a_busy_kernel_delays_neither_clock_nor_outcome(open_notebook: OpenNotebook) -> None:
    """With a cell and four functions burning Python the card ticks on, and the time decides."""
    burn = "\n".join(
        [
            "def burn(context):",
            "    while not context.cancelled:",
            "        sum(range(1000))",
            "busy = onb.Plan(name='Busy', phases=[onb.Phase(name='p', tasks=[",
            "    onb.Task(id=f'b{i}', agent='burn', depends_on=[]) for i in range(4)])])",
            "burning = onb.run(busy, agents={'burn': burn})",
        ]
    )
    loop = "import time\nend = time.monotonic() + 12\nwhile time.monotonic() < end:\n    pass"
    notebook = open_notebook([ask("8s"), burn, loop, "burning.stop()"])
    for number in (0, 1):
        notebook.run_cell(number)
        notebook.wait_finished(number)
    notebook.page.locator(f"{CARD} .time").wait_for()
    notebook.page.evaluate(TICKS)
    notebook.run_cell(2)
    notebook.wait_running(2)
    words = re.compile(r"Nobody answered within 0:08")
    notebook.page.locator(".jp-OutputArea-output", has_text=words).first.wait_for(timeout=30_000)
    assert notebook.cell(2).locator(".jp-InputArea-prompt").inner_text() == "[*]:"
    assert notebook.page.evaluate("() => window.__ticks.length") >= 4
    notebook.run_cell(3)
    notebook.wait_finished(3)


def test_a_click_whose_first_message_is_lost_arrives(open_notebook: OpenNotebook) -> None:
    """The browser repeats what was not acknowledged: a lost message costs time, not the answer."""
    lose = "\n".join(
        [
            "from orchestra_nb.notebook.attach import Attached",
            "heard, lost = Attached._hear, []",
            "def hear(self, message):",
            "    key = message.get('id')",
            "    if message.get('type') == 'command' and key not in lost:",
            "        lost.append(key)",
            "        return",
            "    heard(self, message)",
            "Attached._hear = hear",
        ]
    )
    notebook = open_notebook([ask("10m", lose)])
    notebook.run_all()
    notebook.page.locator(f"{CARD} .option:has(input[value='B'])").click()
    notebook.page.locator(f"{CARD} .btn.main").click()
    notebook.wait_for_kernel(OUTCOME, "[('B', 'user', '')]")
    assert int(notebook.kernel("print(len(lost))")) >= 1
    assert [e["event"] for e in events(notebook)].count("decision") == 1
