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
    """Root of all errors raised by this package."""


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
