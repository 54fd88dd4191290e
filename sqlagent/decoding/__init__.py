"""Decode statements from the model under the grammar, several at once."""
