"""Shells around message brokers: how messages leave and enter the process."""
