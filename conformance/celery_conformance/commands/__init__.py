"""The commands, one a module; each takes parsed arguments and returns an exit code."""
