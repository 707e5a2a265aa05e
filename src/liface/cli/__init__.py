"""The command line: nouns and verbs, tables on stdout, talk on stderr, one error boundary in :mod:`liface.cli.app`."""
