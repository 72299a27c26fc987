"""Any weights file -> tensors -> canonical names -> detect -> build -> load strictly.

`load`     one file, or one for each part -> Gan
`save`     Gan -> one .safetensors
`peek`     what a file holds, from its header alone
`Outline`  what `peek` gives
"""

from .loading import load, peek
from .native import save
from .outline import Outline

__all__ = ["Outline", "load", "peek", "save"]
