"""Ends before it reads a single line."""

import sys

sys.exit("this program needs a licence")
