"""Ends at once."""

import sys

sys.exit("no module named tasks")
