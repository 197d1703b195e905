"""The tap: a proxy between an implementation and the real broker that turns traffic into facts."""
