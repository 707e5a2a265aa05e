"""Suites that a user can run on their own engines and structures; needs no test framework."""
