"""From a trained adapter to files that people run: merge, GGUF, quantise, measure, publish. See `cli.py`."""
