"""ComfyUI's nodes: sockets in, one call of the engine, sockets out."""

from .class_maps import ClassMapFromColours, PaintClass, PreviewClassMap
from .collage import FeatureCollage, LabelCollage, RenderCollage
from .compose import CropForCollage, Stitch
from .models import LoadGAN
from .paint import PaintRegions
from .sheets import ContactSheet
from .sources import MixCollages, ProjectImage, RandomCollage
from .studies import StudyEveryClass, StudyLayers, StudyMix, StudyPixels, StudyStrengths

__all__ = ["NODE_CLASS_MAPPINGS", "NODE_DISPLAY_NAME_MAPPINGS"]

NODE_CLASS_MAPPINGS = {
    "NeuralCollageLoadGAN": LoadGAN,
    "NeuralCollageRandomCollage": RandomCollage,
    "NeuralCollageProjectImage": ProjectImage,
    "NeuralCollageMixCollages": MixCollages,
    "NeuralCollagePaintClass": PaintClass,
    "NeuralCollagePaintRegions": PaintRegions,
    "NeuralCollageClassMapFromColours": ClassMapFromColours,
    "NeuralCollagePreviewClassMap": PreviewClassMap,
    "NeuralCollageLabelCollage": LabelCollage,
    "NeuralCollageFeatureCollage": FeatureCollage,
    "NeuralCollageRenderCollage": RenderCollage,
    "NeuralCollageCropForCollage": CropForCollage,
    "NeuralCollageStitch": Stitch,
    "NeuralCollageContactSheet": ContactSheet,
    "NeuralCollageStudyStrengths": StudyStrengths,
    "NeuralCollageStudyLayers": StudyLayers,
    "NeuralCollageStudyEveryClass": StudyEveryClass,
    "NeuralCollageStudyMix": StudyMix,
    "NeuralCollageStudyPixels": StudyPixels,
}
"""Node class by the id that saved workflows name: an id stays what it is."""

NODE_DISPLAY_NAME_MAPPINGS = {
    "NeuralCollageLoadGAN": "Load GAN",
    "NeuralCollageRandomCollage": "Random Collage",
    "NeuralCollageProjectImage": "Project Image",
    "NeuralCollageMixCollages": "Mix Collages",
    "NeuralCollagePaintClass": "Paint Class",
    "NeuralCollagePaintRegions": "Paint Regions",
    "NeuralCollageClassMapFromColours": "Class Map from Colours",
    "NeuralCollagePreviewClassMap": "Preview Class Map",
    "NeuralCollageLabelCollage": "Label Collage (sCBN)",
    "NeuralCollageFeatureCollage": "Feature Collage",
    "NeuralCollageRenderCollage": "Render Collage",
    "NeuralCollageCropForCollage": "Crop for Collage",
    "NeuralCollageStitch": "Stitch (Poisson Blend)",
    "NeuralCollageContactSheet": "Contact Sheet",
    "NeuralCollageStudyStrengths": "Study: Strengths",
    "NeuralCollageStudyLayers": "Study: Layers",
    "NeuralCollageStudyEveryClass": "Study: Every Class",
    "NeuralCollageStudyMix": "Study: Mix vs Feature Collage",
    "NeuralCollageStudyPixels": "Study: Collage vs Pixels",
}
"""The title of each node."""
