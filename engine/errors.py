"""Every error that Neural Collage raises on purpose.

    NeuralCollageError
    ├── InputError            a value handed to the library is of the wrong kind, size or range
    │   ├── LabelError        a class that the model does not have
    │   ├── LayerError        layer text that does not parse or names no layer of this model
    │   └── MaskError         a mask or weight map that cannot be laid on the picture
    ├── ModelError            the loaded model lacks a part or cannot do what was asked
    ├── CheckpointError       a weights file that cannot be read, or is not what it should be
    ├── DataError             a training set that cannot be used
    ├── TrainingError         a training run that cannot start, continue or be saved
    └── WorkflowError         a saved workflow that cannot be run as it stands

Each message says what is required, what arrived, and what to do.
"""

__all__ = [
    "CheckpointError",
    "DataError",
    "InputError",
    "LabelError",
    "LayerError",
    "MaskError",
    "ModelError",
    "NeuralCollageError",
    "TrainingError",
    "WorkflowError",
]


class NeuralCollageError(Exception):
    """Root of all errors raised by this package.

    Names out of files stand in many messages. What would steer a terminal, or cannot be written (half of a surrogate
    pair), is shown by its code.
    """

    def __init__(self, *arguments: object) -> None:
        super().__init__(*(_shown(argument) if isinstance(argument, str) else argument for argument in arguments))


def _shown(text: str) -> str:
    return "".join(sign if sign.isprintable() or sign in "\n\t" else ascii(sign)[1:-1] for sign in text)


class InputError(NeuralCollageError, ValueError):
    """A value of the wrong kind, size or range."""


class LabelError(InputError):
    """A class name or number that the model does not have."""


class LayerError(InputError):
    """Layer text that does not parse, or names no layer of this model."""


class MaskError(InputError):
    """A mask or weight map that cannot be laid on the picture."""


class ModelError(NeuralCollageError):
    """The loaded model lacks a part, or cannot do what was asked of it."""


class CheckpointError(NeuralCollageError):
    """A weights file that cannot be read, or is not what it should be."""


class DataError(NeuralCollageError):
    """A training set that cannot be used."""


class TrainingError(NeuralCollageError):
    """A training run that cannot start, continue or be saved."""


class WorkflowError(NeuralCollageError):
    """A saved workflow that cannot be run as it stands."""
