"""What a run looks like outside the notebook: pure functions of its state.

``words`` has the sentences and figures every surface shares, ``plan_md`` the run as a Markdown
file, ``terminal`` the live view for a person without a browser.
"""
