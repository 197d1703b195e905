"""Leaves a process behind, and is honest otherwise."""

import subprocess
import sys

import dialogue

subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
dialogue.serve()
