"""Workflows: one function per use. The command line, HTTP and evaluations call these and nothing beside them."""
