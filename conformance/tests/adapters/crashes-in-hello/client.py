"""Ends when it is greeted, without a word."""

import os
import sys

sys.stdin.readline()
os._exit(7)
