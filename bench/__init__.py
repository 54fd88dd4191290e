"""Measurements of what ships: `python -m bench NAME …`, from a checkout."""
