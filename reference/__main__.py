"""`python -m reference`: write the pages that differ."""

from __future__ import annotations

import sys

from reference import made


def main() -> int:
    """Write what the code makes of each page; say which."""
    for path, text in made().items():
        if not path.exists() or path.read_text("utf-8") != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
            sys.stdout.write(f"wrote {path.name}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
