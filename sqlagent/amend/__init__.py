"""Amend a statement before it runs, and say why; `pipeline` has every amendment in order."""
