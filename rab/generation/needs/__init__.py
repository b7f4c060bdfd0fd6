"""From a claim back to the pack: what a claim must cite and declare to be true, a module for each output."""
