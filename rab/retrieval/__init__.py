"""From a query to what speaks for it: depth, neighbours, clusters."""
