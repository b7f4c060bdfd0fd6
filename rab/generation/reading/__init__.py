"""A pack read under a policy: what is near, who named it, how detections add up, which numbers may be printed."""
