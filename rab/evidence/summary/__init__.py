"""The sections of a summary's Evidence Pack: each turns what the catalog counted into figures with their basis."""
