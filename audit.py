"""Run Capdo from a checkout: ``python audit.py --help``."""

from auditor.cli import main

if __name__ == "__main__":
    main()
