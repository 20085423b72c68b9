"""What is seen in a notebook: the board of a run with its decision cards.

``snapshot`` turns a state into what travels to the browser, ``board`` is the widget. Nothing
here is imported before a board is shown.
"""
