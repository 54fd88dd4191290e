"""Questions that name rows by their values: which of two, the one after it, how far they lie apart."""
