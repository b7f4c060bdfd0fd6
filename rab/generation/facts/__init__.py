"""From a pack to claims: everything that RAB itself finds to be true of it, a module for each output."""
