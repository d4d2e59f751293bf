"""`python -m naign` is the `naign` command."""

import sys

from naign.pages.command import main

sys.exit(main())
