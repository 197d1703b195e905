"""The one place that holds the version of the distribution and of the specification's edition."""

__version__ = "0.1.0"
EDITION = "0.1.0"
