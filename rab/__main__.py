"""Let `python -m rab` be the `rab` command."""

from rab.cli import main

main()
