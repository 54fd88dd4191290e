"""Wrap llama.cpp's C interface: one model, one context, its vocabulary."""
