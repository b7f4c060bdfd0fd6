"""Retrieval-Augmented Bioacoustics: recordings in, statements that cite the calls behind them out."""

__version__ = "0.1.0"
