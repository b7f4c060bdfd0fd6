"""Vector stores: the embedded engine, a server, and the exact oracle; the port stands in `base`."""
