"""Every figure of speed in one run on one machine: rendering at 256 px, then Poisson blending beside seamlessClone.

python benchmarks/speed.py [--threads 1] [--rounds 9]
"""

from __future__ import annotations

import poisson
import render

if __name__ == "__main__":
    render.main()
    poisson.main()
