"""Weights in files, without torch: GGUF, safetensors, adapters, merging and quantising.

Nothing here is imported before an adapter is to be made ready; it needs the package gguf.
"""
