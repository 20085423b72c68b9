"""Where a widget's routing is not freed, a click in a real browser still reaches a waiting cell."""

from __future__ import annotations

import pytest

from tests.browser.conftest import OpenNotebook
from tests.conftest import KERNELS

BUTTON = """
import anywidget, traitlets
from orchestra_nb.notebook.pump import KernelPump

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
