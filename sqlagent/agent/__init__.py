"""Reason, act and observe: turn a question into statements, run them, and choose the answer."""
