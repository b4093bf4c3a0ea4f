"""`python -m tests.faults [NAME…]`: real processes, real faults, and what became of it; as a table and as JSON."""

from __future__ import annotations

import sys

from tests.faults.command import main

if __name__ == "__main__":
    sys.exit(main())
