"""What was learned from a library is kept in versions."""

from rab.catalog import Catalog


def test_versions_count_up_and_stay(catalog: Catalog) -> None:
    """A second version does not replace the first, and the newest is what is asked for without a number."""
    first = catalog.keep_learned("probe", "owls", "space-a", '{"n":1}')
    second = catalog.keep_learned("probe", "owls", "space-a", '{"n":2}')
    assert (1, 2) == (first.version, second.version)
    assert second == catalog.learned("probe", "owls", "space-a")
    assert first == catalog.learned("probe", "owls", "space-a", version=1)
    assert catalog.learned("probe", "owls", "space-a", version=3) is None


def test_kinds_names_and_spaces_are_kept_apart(catalog: Catalog) -> None:
    """Each kind, name and space counts for itself, and the list names each once."""
    for kind, name, space in [
        ("probe", "owls", "a"),
        ("probe", "bats", "a"),
        ("probe", "owls", "b"),
        ("map", "m", "a"),
    ]:
        assert catalog.keep_learned(kind, name, space, "{}").version == 1
    newest = catalog.keep_learned("probe", "owls", "a", "[]")
    assert ["bats", "owls"] == [one.name for one in catalog.all_learned("probe", "a")]
    assert newest in catalog.all_learned("probe", "a")


def test_what_is_forgotten_is_gone(catalog: Catalog) -> None:
    """Forgetting takes all versions of one name and nothing else."""
    for name in ("owls", "owls", "bats"):
        catalog.keep_learned("probe", name, "a", "{}")
    assert catalog.forget_learned("probe", "owls", "a") == 2
    assert catalog.learned("probe", "owls", "a") is None
    assert catalog.learned("probe", "bats", "a") is not None
