"""Evidence Packs: what may be cited, gathered from the library and sealed."""
