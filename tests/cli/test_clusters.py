"""`rab clusters` and `rab novelty`: what people say of clusters is kept and shown, and novel calls are listed."""

import json
from collections.abc import Callable
from typing import Any

Rab = Callable[..., Any]


def loaded(answer: Any) -> Any:
    """Return what a command printed as JSON; it ended well, and standard error is empty."""
    assert (0, "") == (answer.code, answer.err)
    return json.loads(answer.out)


def test_clusters_are_named_merged_and_split(rab: Rab) -> None:
    """A name and a merge are shown by every list, survive `rab cluster`, and are taken back again."""
    first, second = (one["id"] for one in loaded(rab("cluster", "--json"))["clusters"][:2])
    assert f"{first}: thin whistle, by Ann\n" == rab("clusters", "name", first, "thin whistle", "--by", "Ann").out
    merged = loaded(rab("clusters", "merge", first, second, "--by", "Ann", "--json"))
    assert (first, "thin whistle", [second]) == (merged["id"], merged["name"], merged["merged_ids"])
    again = rab("cluster").out
    assert "“thin whistle”" in again
    assert f"(with {second})" in again
    assert again.splitlines()[0] == rab("clusters", "list").out.splitlines()[0]
    parts = loaded(rab("clusters", "split", first, "--by", "Ann", "--json"))
    assert [first, second] == [part["id"] for part in parts]
    assert f"{first}: no name, by Ann\n" == rab("clusters", "name", first, "", "--by", "Ann").out
    listed = loaded(rab("clusters", "list", "--json"))["clusters"]
    assert [first, second] == [one["id"] for one in listed[:2]]


def test_a_cluster_is_shown_with_its_prototypes(rab: Rab) -> None:
    """The medoid and each exemplar stand on lines of their own, and the names of members with their counts."""
    one = loaded(rab("cluster", "--json"))["clusters"][0]
    words = rab("clusters", "show", one["id"]).out
    assert f"medoid  {one['medoid_id'][:12]}" in words
    assert all(f"exemplar  {exemplar[:12]}" in words for exemplar in one["exemplar_ids"])
    assert one["id"] == loaded(rab("clusters", "show", one["id"], "--json"))["id"]
    refused = rab("clusters", "show", "c999")
    assert (3, "") == (refused.code, refused.out)


def test_novel_calls_are_listed_with_what_they_resemble(rab: Rab) -> None:
    """The farthest out come first, and each is told with its nearest call in another recording."""
    rab("cluster")
    found = loaded(rab("novelty", "--limit", 3, "--json"))
    ranks = [one["novelty"]["novelty"] for one in found]
    assert 3 == len(ranks)
    assert sorted(ranks, reverse=True) == ranks
    for one in found:
        assert one["nearest"]["stored"]["recording"]["id"] != one["stored"]["recording"]["id"]
    words = rab("novelty", "--limit", 3).out
    assert words.endswith("3 calls\n")
    assert 3 == words.count("nearest elsewhere: ")
    assert all(one["alert"] for one in loaded(rab("novelty", "--alerts", "--json")))
