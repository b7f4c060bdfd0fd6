"""The licence of a recording, where somebody wrote it down beside the file.

`FILE.licence.txt` with a line that begins `Licence:` is what `rab samples fetch` writes, and what anybody can write for
recordings of their own. A report that carries their sound repeats it.
"""

from pathlib import Path


def stated_licence(recording: Path) -> str | None:
    """Return the licence in the note beside a recording; None where there is no such note or it names none."""
    try:
        lines = recording.with_name(f"{recording.name}.licence.txt").read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return None
    stated = (line.partition(":")[2].strip() for line in lines if line.startswith("Licence:"))
    return next((licence for licence in stated if licence), None)
