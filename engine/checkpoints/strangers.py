"""What StyleGAN-XL's snapshots hold beside the generator: a discriminator that looks through image classifiers.

It is made of other libraries' classes, and of functions that dill has taken apart. Nobody reads it. Like everything in
a pickle its parts are noted and never looked up, called or made; before the notes are settled, it is left out. Where
such a part is met anywhere else, the file is refused.
"""

from __future__ import annotations

__all__ = ["WithStrangers", "is_stranger"]

LIBRARIES = ("pg_modules.", "feature_networks.", "timm.", "torch.nn.", "dill.")
"""Where its classes and functions come from."""
NAMES = ("builtins.getattr", "builtins.setattr")
"""With which dill puts methods back onto objects."""
LONGEST = 200
"""Letters of a name. Each is kept, and a file could ask for one of many megabytes again and again."""


def is_stranger(name: str) -> bool:
    """Whether a name may occur in a part of a file that is left out."""
    return len(name) <= LONGEST and (name.startswith(LIBRARIES) or name in NAMES)


class WithStrangers(frozenset[str]):
    """Known names, and those of strangers among them unless they are known."""

    def __contains__(self, name: object) -> bool:
        return super().__contains__(name) or (isinstance(name, str) and is_stranger(name))
