"""Language models that a person may configure: a port, and one adapter that speaks the protocol all servers share.

A language model chooses among facts that RAB has proven; it is asked, never trusted, and never needed. Without a base
URL nothing of this package is imported but the port.
"""
