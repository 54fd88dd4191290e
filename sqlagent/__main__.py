"""`python -m sqlagent` is `sqlagent`."""

from __future__ import annotations

import sys

from sqlagent.ui.cli import main

if __name__ == "__main__":
    sys.exit(main())
