"""`python -m apps`: runs apps on any machine, and shows what they made."""

import sys

from apps.commands import main

if __name__ == "__main__":
    sys.exit(main())
