"""Neural Collage's engine: edit parts of a picture through the inside of a trained GAN. It knows nothing of ComfyUI.

from neural_collage import engine as nc

gan = nc.load("model.safetensors")
latent = gan.sample("banana", seed=1)
regions = nc.ClassMap().paint("lemon", mask)
images = nc.render(gan, nc.Collage(latent).label(regions))
"""

from .class_map import ClassMap
from .collage import Collage, Latent, mix
from .errors import (
    CheckpointError,
    DataError,
    InputError,
    LabelError,
    LayerError,
    MaskError,
    ModelError,
    NeuralCollageError,
    TrainingError,
    WorkflowError,
)
from .gan import Gan
from .layers import parse_layers
from .projection import RATES, ProjectionStep, project
from .reconstruction import Reconstruction, reconstruction_loss
from .render import render

__all__ = [
    "RATES",
    "CheckpointError",
    "ClassMap",
    "Collage",
    "DataError",
    "Gan",
    "InputError",
    "LabelError",
    "Latent",
    "LayerError",
    "MaskError",
    "ModelError",
    "NeuralCollageError",
    "ProjectionStep",
    "Reconstruction",
    "TrainingError",
    "WorkflowError",
    "mix",
    "parse_layers",
    "project",
    "reconstruction_loss",
    "render",
]
