"""Parsers under bytes that nobody meant: each harness takes any bytes and may raise its typed errors, nothing else.

    python -m tests.fuzz                  names the harnesses
    python -m tests.fuzz NAME SECONDS     runs one, with atheris where that is installed, else by plain mutation

``tests/test_fuzz.py`` runs each for a moment with hypothesis.
"""
