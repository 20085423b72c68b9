"""A run in a notebook: its board attached, waiting with clicks, what the saved file keeps."""
