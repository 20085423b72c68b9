from pathlib import Path
from tests.browser.test_pump import BUTTON
import pytest


def test_x(open_notebook):
    nb = open_notebook([BUTTON, "1/0"], theme="dark")
    nb.run_all()
    nb.page.locator(".press").wait_for()
    for w in (600, 900):
        nb.output_width(w)
        print(
            w,
            nb.page.locator(".jp-OutputArea-output").first.evaluate(
                "e=>e.getBoundingClientRect().width"
            ),
        )
        nb.screenshot(Path(f"/tmp/shots/{w}.png"))
    nb.screenshot(Path("/tmp/shots/el.png"), ".jp-Notebook")
    print(nb.axe(".press"))
    nb.theme("light")
    nb.screenshot(Path("/tmp/shots/light.png"))
    print([c.outputs for c in nb.save().cells][0])
    nb.comms_over_subshells("disabled")
    nb.reload()
    print(nb.kernel("print(3)"))
    with pytest.raises(AssertionError) as e:
        nb.kernel("1/0")
    print(e.value)
    nb.comms_over_subshells("perCommTarget")
