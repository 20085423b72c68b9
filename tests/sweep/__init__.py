"""Every file operation of a run fails once, or kills its process: what is left must go on.

``python -m tests.sweep`` does all of it; see :mod:`tests.sweep.__main__`.
"""
