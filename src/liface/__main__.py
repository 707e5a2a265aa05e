"""Run the command line as ``python -m liface``."""

from liface.cli.app import main

if __name__ == "__main__":
    main()
