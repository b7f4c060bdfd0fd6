"""Migrations: how a catalog of any age becomes one of today, in the order of `versions`.

They travel inside the package, so an installed RAB brings its catalog up to date by itself when it opens it; there is
no configuration file and no command to run. A migration is never edited once it is published: a change of
`rab.catalog.schema` is a new file, and a test holds the sum of all of them to those tables.
"""
