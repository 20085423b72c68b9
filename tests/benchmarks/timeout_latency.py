"""How late a timeout decides while the kernel is busy, and whether the card ticks meanwhile.

    python -m tests.benchmarks.timeout_latency [--decisions 30] [--burners 4]

JupyterLab and Chromium for real. All decisions are open at once, each with a clock of its own, a
tenth of a second apart. Lateness is from the deadline to the ``t`` of the outcome in the log, both
on the run's clock. The floor row is an idle kernel; in the other a cell runs a pure Python loop
while functions burn Python in threads. Ours to reach: p95 of 0.2 s.
"""

from __future__ import annotations

import argparse
import json
import os
from itertools import pairwise

from playwright.sync_api import Browser

from tests.benchmarks.in_lab import in_lab
from tests.browser.lab import Lab, Notebook, write_notebook

START = """
import time
import orchestra_nb as onb

def burn(context):
    while not context.cancelled:
        sum(range(1000))

tasks = [onb.Task(id=f"b{{i}}", agent="burn", depends_on=[]) for i in range({burners})]
tasks += [
    onb.Decision(title=f"Choice {{i}}", options={{"A": "one", "B": "two"}}, recommend="A",
                 depends_on=[], timeout=8 + i / 10)
    for i in range({decisions})
]
plan = onb.Plan(name="Late", phases=[onb.Phase(name="p", tasks=tasks)])
run = onb.run(plan, agents={{"burn": burn}} if {burners} else {{}})
"""
LOOP = "end = time.monotonic() + {seconds}\nwhile time.monotonic() < end:\n    pass"
TICKS = """() => {
    window.__ticks = [];
    const time = document.querySelector('.onb .card:not([hidden]) .time');
    new MutationObserver(() => window.__ticks.push(performance.now()))
        .observe(time, {childList: true, characterData: true, subtree: true});
}"""


def measure(browser: Browser, lab: Lab, name: str, decisions: int, burners: int) -> None:
    """Let one run's decisions time out and print its row."""
    cells = [START.format(decisions=decisions, burners=burners)]
    cells.append(LOOP.format(seconds=9 + decisions / 10) if burners else "pass")
    file = f"{name.replace(' ', '-')}.ipynb"
    write_notebook(lab.root / file, cells, "ipykernel-7")
    page = browser.new_page(viewport={"width": 1400, "height": 1200})
    notebook = Notebook(page, lab, file)
    notebook.run_cell(0)
    page.locator(".onb .card:not([hidden]) .time").wait_for()
    page.evaluate(TICKS)
    page.mouse.move(2, 2)
    notebook.run_cell(1)
    page.wait_for_timeout(1000 * (9 + decisions / 10))
    ticks = page.evaluate("() => window.__ticks")
    gaps = [(b - a) / 1000 for a, b in pairwise(ticks)]
    log = max(lab.root.glob("**/orchestration-timeline.jsonl"), key=os.path.getmtime)
    late = []
    for line in log.read_text("utf-8").splitlines():
        event = json.loads(line)
        if event["event"] == "decision":
            late.append(event["waited_s"] - event["timeout_s"])
    late.sort()
    p95 = late[min(len(late) - 1, int(len(late) * 0.95))]
    print(
        f"{name:<32}  {len(late):>3} timeouts  late: median {late[len(late) // 2] * 1000:>6.1f} ms"
        f"  p95 {p95 * 1000:>6.1f} ms  max {late[-1] * 1000:>6.1f} ms;"
        f"  card: {len(gaps) + 1} ticks, longest gap {max(gaps, default=0):.2f} s",
        flush=True,
    )
    page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.shutdown()")
    page.close()


def main() -> None:
    """Print a row a situation."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--decisions", type=int, default=30)
    parser.add_argument("--burners", type=int, default=4)
    options = parser.parse_args()
    with in_lab() as (browser, lab):
        measure(browser, lab, "idle kernel", options.decisions, 0)
        busy = f"busy cell, {options.burners} burning agents"
        measure(browser, lab, busy, options.decisions, options.burners)


if __name__ == "__main__":
    main()
