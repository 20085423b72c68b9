"""The analysis behind `code_review.py`.

`sources`, `complexity`, `imports`, `documentation`, `error_handling` and `report` are plain
functions over source text that know nothing of orchestras; `closer_look` has the agents that
read the worst places, `tools` what Claude gets instead. Nothing imports the package under
review: sources are found, read and parsed, never executed.
"""
