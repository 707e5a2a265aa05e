"""Formulas on numbers: energies, fits, growth mode, published figures, correlations."""
