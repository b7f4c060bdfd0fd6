"""Why a claim is not served as it was given: stable codes, in the order in which the checks run.

    code                  the claim …                                                     and so it is
    E_SCHEMA              has a form that its kind does not allow                         dropped
    E_KIND                does not belong to this kind of pack, or cites the wrong items  dropped
    E_CITE_NONE           cites nothing                                                   dropped
    E_CITE_FOREIGN        cites an id of another pack                                     dropped
    E_CITE_UNKNOWN        cites an id that no pack has                                    dropped
    E_TAXON               names a taxon that an item it cites does not bear               dropped
    E_MUST_ABSTAIN        names a taxon, or counts activity, where RAB must abstain       dropped
    E_UNSUPPORTED         is not true of the pack                                         dropped
    E_CHERRY_PICKED       leaves out evidence, for or against, that belongs to it         dropped
    E_OVER_CITED          cites items that it does not rest on                            dropped
    E_QUANTITY            declares a number that is not the pack's, not its own, or lacks one  dropped
    E_HEDGE               is worded as certain where it is tentative                      dropped
    E_DUPLICATE           repeats another claim, or its id                                dropped
    E_CONTRADICTION       gives another account of what another claim says                        dropped
    E_CHARSET             has a character that no template uses                           worded by the template
    E_NUM_UNCITED         prints a number, in any script or in words, that it does not declare  worded by the template
    E_SEMANTICS           uses a word of intent, emotion, certainty, identity or trend    worded by the template
    E_NAME                prints a taxon that it does not cite                            worded by the template
    E_VOCABULARY          has a word, in a model's sentence, that its template has not            worded by the template
    E_ORDER               leaves out, repeats or moves words of its template                      worded by the template
    E_TEXT                differs from its template although it says it comes from one    worded by the template
    E_INCOMPLETE          is a question without all that belongs to it, or a part of none  dropped
    E_MISSING_MANDATORY   was due and not given                                           restored

A claim that is worded again is served with the template's words; the rejected words stand under `dropped`. When the
template's own words break a rule (a name that cannot be printed safely), the claim is dropped.
"""

from typing import Literal, NamedTuple

Code = Literal[
    "E_SCHEMA",
    "E_KIND",
    "E_CITE_NONE",
    "E_CITE_FOREIGN",
    "E_CITE_UNKNOWN",
    "E_TAXON",
    "E_MUST_ABSTAIN",
    "E_UNSUPPORTED",
    "E_CHERRY_PICKED",
    "E_OVER_CITED",
    "E_QUANTITY",
    "E_HEDGE",
    "E_DUPLICATE",
    "E_CONTRADICTION",
    "E_CHARSET",
    "E_NUM_UNCITED",
    "E_SEMANTICS",
    "E_NAME",
    "E_VOCABULARY",
    "E_ORDER",
    "E_TEXT",
    "E_INCOMPLETE",
    "E_MISSING_MANDATORY",
]


class Failure(NamedTuple):
    """What is wrong with a claim: a stable code, and the reason in words."""

    code: Code
    reason: str
