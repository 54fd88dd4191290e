"""Amend a statement before it runs, and say why; `rules` has all rules in their order."""
