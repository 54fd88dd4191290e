"""Patterns of analysis that a question names and a statement lacks: each proposes the statement that has them."""
