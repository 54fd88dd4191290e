"""`python -m sqlagent` is `sqlagent`."""

from __future__ import annotations

from sqlagent.ui.program import main

if __name__ == "__main__":
    main()
