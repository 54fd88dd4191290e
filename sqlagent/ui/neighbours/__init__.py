"""Plugins of other people's tools, each loaded by its tool alone: `llm` and Datasette."""
