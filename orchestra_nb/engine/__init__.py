"""The engine: scheduling, decisions, attempts; knows neither disk nor agents nor notebook."""
