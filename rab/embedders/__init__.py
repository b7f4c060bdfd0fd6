"""Models that turn windows of sound into vectors and scores; the port stands in `base`."""
