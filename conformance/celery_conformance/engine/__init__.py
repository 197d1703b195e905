"""The engine: runs cases against an implementation and looks at the facts."""
