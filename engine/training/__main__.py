"""`python -m neural_collage.engine.training`: the same as `neural-collage train`."""

from .command import main

main()
