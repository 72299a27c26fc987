"""Neural Collage's engine: edit parts of a picture through the inside of a trained GAN. It knows nothing of ComfyUI.

from neural_collage import engine as nc

gan = nc.load("model.safetensors")
latent = gan.sample("banana", seed=1)
regions = nc.ClassMap().paint("lemon", mask)
images = nc.render(gan, nc.Collage(latent).label(regions))
"""

from .batches import count_pictures, cut_batch, in_pieces, join_latents
from .checkpoints import load, peek, save
from .class_map import ClassMap
from .collage import Collage, mix
from .crop import Crop
from .curve import draw_curve
from .difference import difference
from .distances import DISTANCES
from .drawing import paint_drawing
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
from .latent import Latent
from .layers import parse_layers
from .legend import draw_class_map
from .mask import shape_mask
from .palette import class_map_from_colours
from .poisson import poisson_blend
from .projection import STARTS, ProjectionStep, project
from .reconstruction import Reconstruction, reconstruction_loss
from .render import changes, render
from .spaces import RATES
from .stages import draw_stages
from .standing import choose_statistics, settle
from .stitch import STITCH_MODES, Blend, stitch
from .studies import (
    Study,
    draw_study,
    stack_sheets,
    study_classes,
    study_layers,
    study_mix,
    study_pixels,
    study_strengths,
    with_pixel_collages,
)
from .units import parse_units

__all__ = [
    "DISTANCES",
    "RATES",
    "STARTS",
    "STITCH_MODES",
    "Blend",
    "CheckpointError",
    "ClassMap",
    "Collage",
    "Crop",
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
    "Study",
    "TrainingError",
    "WorkflowError",
    "changes",
    "choose_statistics",
    "class_map_from_colours",
    "count_pictures",
    "cut_batch",
    "difference",
    "draw_class_map",
    "draw_curve",
    "draw_stages",
    "draw_study",
    "in_pieces",
    "join_latents",
    "load",
    "mix",
    "paint_drawing",
    "parse_layers",
    "parse_units",
    "peek",
    "poisson_blend",
    "project",
    "reconstruction_loss",
    "render",
    "save",
    "settle",
    "shape_mask",
    "stack_sheets",
    "stitch",
    "study_classes",
    "study_layers",
    "study_mix",
    "study_pixels",
    "study_strengths",
    "with_pixel_collages",
]
