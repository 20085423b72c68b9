"""A click in a real browser reaches a waiting cell, on the old and the new kernel."""

from __future__ import annotations

import pytest

from tests.browser.conftest import OpenNotebook
from tests.conftest import KERNELS

BUTTON = """
import anywidget, traitlets
from orchestra_nb.notebook.pump import KernelPump, free_routing

class Button(anywidget.AnyWidget):
    _esm = '''
    export default { render({ model, el }) {
      const button = document.createElement("button");
      button.className = "press";
      button.textContent = "Press";
      button.onclick = () => model.send({ pressed: true });
      const heard = document.createElement("span");
      heard.className = "heard";
      model.on("msg:custom", message => { heard.textContent = `heard ${message.presses}`; });
      el.append(button, heard);
    } }
    '''

presses = 0

def on_msg(widget, content, buffers):
    global presses
    presses += 1
    widget.send({"presses": presses})

button = Button()
button.on_msg(on_msg)
pump = KernelPump()
button
"""

WAITS = ["pump.wait(lambda: presses > 0, 20)", "await pump.wait_async(lambda: presses > 0, 20)"]


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("wait", WAITS, ids=["wait", "await"])
def test_click_lands_while_a_cell_waits(
    open_notebook: OpenNotebook, kernel: str, wait: str
) -> None:
    """Run All: the click ends the waiting, and the cells after it see what was pressed."""
    notebook = open_notebook(
        [BUTTON, f"got = {wait}", "print('later', got, presses)", "print('last', presses)"],
        kernel=kernel,
    )
    notebook.run_all()
    notebook.page.locator(".press").click()
    notebook.page.locator(".heard", has_text="heard 1").wait_for()
    notebook.output(2).get_by_text("later True 1").wait_for()
    notebook.output(3).get_by_text("last 1").wait_for()
    notebook.page.locator(".press").click()
    notebook.page.locator(".heard", has_text="heard 2").wait_for()
    assert notebook.errors == []


@pytest.mark.parametrize(("kernel", "wait"), list(zip(KERNELS, WAITS, strict=True)), ids=KERNELS)
def test_interrupt_ends_the_waiting_only(
    open_notebook: OpenNotebook, kernel: str, wait: str
) -> None:
    """After an interrupt the same cell can wait again, and then a click ends it."""
    notebook = open_notebook([BUTTON, f"print('got', {wait})"], kernel=kernel)
    notebook.run_all()
    notebook.page.locator(".press").wait_for()
    notebook.wait_finished(0)
    notebook.page.wait_for_timeout(500)
    notebook.interrupt()
    notebook.output(1).get_by_text("Traceback").wait_for()
    assert notebook.kernel("print(presses)") == "0\n"
    notebook.run_cell(1)
    notebook.page.locator(".press").click()
    notebook.output(1).get_by_text("got True").wait_for()


@pytest.mark.parametrize(("kernel", "wait"), list(zip(KERNELS, WAITS, strict=True)), ids=KERNELS)
def test_click_after_a_reload_lands_while_a_cell_waits(
    open_notebook: OpenNotebook, kernel: str, wait: str
) -> None:
    """A page that was reloaded during the waiting shows the widget again, and its click counts."""
    notebook = open_notebook([BUTTON, f"got = {wait}"], kernel=kernel)
    notebook.run_cell(0)
    notebook.page.locator(".press").wait_for()
    notebook.save()
    notebook.run_cell(1)
    notebook.wait_running(1)
    notebook.reload()
    notebook.page.locator(".press").click()
    notebook.wait_for_kernel("got, presses", "True 1")


def test_clicks_count_after_four_reloads_and_in_a_second_tab(open_notebook: OpenNotebook) -> None:
    """With its routing freed a widget that a thread updates loses no click to a gone page."""
    updates = """
import threading, time
free_routing(button.comm)
def update():
    while True:
        button.send({"presses": presses})
        time.sleep(0.1)
threading.Thread(target=update, daemon=True).start()
"""
    notebook = open_notebook([BUTTON, updates])
    notebook.run_all()
    notebook.page.locator(".press").wait_for()
    notebook.wait_finished(1)
    notebook.save()
    for presses in range(1, 5):
        notebook.reload()
        notebook.page.locator(".press").click()
        notebook.page.locator(".heard", has_text=f"heard {presses}").wait_for()
    tab = notebook.second_tab()
    tab.page.locator(".press").click()
    tab.page.locator(".heard", has_text="heard 5").wait_for()
    notebook.page.locator(".heard", has_text="heard 5").wait_for()
    notebook.page.locator(".press").click()
    tab.page.locator(".heard", has_text="heard 6").wait_for()
