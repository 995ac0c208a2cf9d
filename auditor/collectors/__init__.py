"""Collectors: one file per topic and tool. Each declares what it will run and parses purely."""
