"""Screens: contrasts of a library that are worth a question, found without choosing."""
