"""Tiny models made on the fly: seeded, no files, milliseconds to run.

`gan()` gives a `Gan` with all its parts at 16 px; `chainer_files()` writes the same model as the authors' .npz files.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from neural_collage.engine.gan import Gan
from neural_collage.engine.networks.auxiliary import Auxiliary, AuxiliaryConfig
from neural_collage.engine.networks.sngan import ConditionalBatchNorm, GeneratorConfig, SNGANGenerator
from neural_collage.engine.networks.sngan_discriminator import DiscriminatorConfig, SNGANDiscriminator
from neural_collage.engine.networks.sngan_encoder import EncoderConfig, SNGANEncoder
from torch import nn

__all__ = ["chainer_arrays", "chainer_files", "gan", "write_npz"]

DIM_Z = 8
NAMES = ("daisy", "rose", "tulip", "sunflower", "water lily", "magnolia", "poppy", "iris", "lotus", "primula")


def gan(
    n_classes: int = 3,
    *,
    resolution: int = 16,
    seed: int = 0,
    named: bool = True,
    bare: bool = False,
    dim_z: int = DIM_Z,
) -> Any:
    """A `Gan` of random weights whose classes differ visibly. (Any: its parts are there, which `Gan` cannot promise.)

    Args:
        n_classes: number of classes; 1 makes a discriminator without any.
        resolution: 16, 32, 64, ...
        seed: same seed, same weights.
        named: give it class names (of the first ten classes, "class 10" and so on after them).
        bare: the generator alone.
        dim_z: length of the latent.
    """
    blocks = int(np.log2(resolution)) - 2
    with torch.inference_mode(False), torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        parts: dict[str, Any] = {"generator": SNGANGenerator(GeneratorConfig((8,) * blocks + (4,), n_classes, dim_z))}
        if not bare:
            parts |= _others(blocks, n_classes, resolution, dim_z)
        for part in parts.values():
            part.apply(_enliven)
            part.eval().requires_grad_(False)
    names = tuple(NAMES[i] if i < len(NAMES) else f"class {i}" for i in range(n_classes)) if named else ()
    return Gan(**parts, class_names=names, facts={"family": "sngan", "licence": "none", "provenance": "random weights"})


def _others(blocks: int, n_classes: int, resolution: int, dim_z: int) -> dict[str, nn.Module]:
    widths = (4,) + (8,) * blocks
    known = n_classes if n_classes > 1 else 0
    return {
        # One flat block after those that shrink to 4x4, as in the authors' layouts.
        "discriminator": SNGANDiscriminator(
            DiscriminatorConfig(widths, (4, *widths[:-1]), shrinking=blocks, n_classes=known, resolution=resolution)
        ),
        "encoder": SNGANEncoder(EncoderConfig(widths, n_classes, dim_z)),
        "auxiliary": Auxiliary(AuxiliaryConfig(dim_z, dim_a=6, dim_zeta=12, dim_b=5)),
    }


def _enliven(module: nn.Module) -> None:
    """Statistics and class tables drawn at random, so that classes differ and no norm is the identity."""
    if isinstance(module, ConditionalBatchNorm):
        module.gammas.data.normal_(1.0, 0.5)
        module.betas.data.normal_(0.0, 0.5)
        module.mean.normal_(0.0, 0.3)
        module.var.uniform_(0.5, 1.5)
    elif isinstance(module, nn.BatchNorm2d):
        module.weight.data.normal_(1.0, 0.2)
        module.bias.data.normal_(0.0, 0.2)
        assert module.running_mean is not None
        assert module.running_var is not None
        module.running_mean.normal_(0.0, 0.3)
        module.running_var.uniform_(0.5, 1.5)
    elif isinstance(module, (nn.Conv2d, nn.Linear)) and module.bias is not None:
        module.bias.data.normal_(0.0, 0.1)


def chainer_arrays(model: Gan) -> dict[str, dict[str, np.ndarray]]:
    """The model as the authors' files: "generator", "discriminator", "encoder", "auxiliary" -> name -> array.

    Written from the description of their format alone, independently of the reader.
    """
    files = {"generator": _generator(model.generator)}
    if isinstance(model.discriminator, SNGANDiscriminator):
        files["discriminator"] = _discriminator(model.discriminator)
    if model.encoder is not None:
        files["encoder"] = _encoder(model.encoder)
    if model.auxiliary is not None:
        files["auxiliary"] = files["generator"] | _auxiliary(model.auxiliary)
    return files


def chainer_files(folder: Path, model: Gan | None = None) -> dict[str, Path]:
    """Write the model (`gan()` by default) as one .npz for each part into `folder`; returns their paths by part."""
    arrays = chainer_arrays(model or gan())
    return {part: write_npz(folder / f"{part}.npz", values) for part, values in arrays.items()}


def write_npz(path: Path, arrays: dict[str, np.ndarray]) -> Path:
    """A compressed archive, as Chainer's object snapshot writes it."""
    np.savez_compressed(path, **arrays)  # type: ignore[arg-type]
    return path


def _numbers(name: str, module: nn.Module) -> dict[str, np.ndarray]:
    """W, b and u of a convolution, linear layer, embedding or slope."""
    leaves = {"W": "weight", "b": "bias", "u": "u"}
    found = {ours: getattr(module, theirs, None) for ours, theirs in leaves.items()}
    return {f"{name}/{leaf}": value.detach().numpy().copy() for leaf, value in found.items() if value is not None}


def _statistics(name: str, mean: torch.Tensor, var: torch.Tensor) -> dict[str, np.ndarray]:
    return {f"{name}/avg_mean": mean.numpy(), f"{name}/avg_var": var.numpy(), f"{name}/N": np.array(0)}


def _norm(name: str, norm: ConditionalBatchNorm) -> dict[str, np.ndarray]:
    gammas, betas = norm.gammas.detach().numpy(), norm.betas.detach().numpy()
    if len(gammas) == 1:
        tables = {f"{name}/gamma": gammas[0], f"{name}/beta": betas[0]}
    else:
        tables = {f"{name}/gammas/W": gammas, f"{name}/betas/W": betas}
    return tables | _statistics(name, norm.mean, norm.var)


def _block(name: str, block: nn.Module) -> dict[str, np.ndarray]:
    arrays: dict[str, np.ndarray] = {}
    for theirs, ours in {"c1": "conv1", "c2": "conv2", "c_sc": "side"}.items():
        if hasattr(block, ours):
            arrays |= _numbers(f"{name}/{theirs}", getattr(block, ours))
    for theirs, ours in {"b1": "norm1", "b2": "norm2"}.items():
        if hasattr(block, ours):
            arrays |= _norm(f"{name}/{theirs}", getattr(block, ours))
    return arrays


def _generator(generator: nn.Module) -> dict[str, np.ndarray]:
    assert isinstance(generator, SNGANGenerator)
    arrays = _numbers("l1", generator.first)
    for number, block in enumerate(generator.layers, start=2):
        arrays |= _block(f"block{number}", block)
    end, norm = len(generator.layers) + 2, generator.last_norm
    assert norm.running_mean is not None
    assert norm.running_var is not None
    arrays |= {f"b{end}/gamma": norm.weight.detach().numpy(), f"b{end}/beta": norm.bias.detach().numpy()}
    arrays |= _statistics(f"b{end}", norm.running_mean, norm.running_var)
    return arrays | _numbers(f"l{end}", generator.last_conv)


def _discriminator(discriminator: SNGANDiscriminator) -> dict[str, np.ndarray]:
    arrays: dict[str, np.ndarray] = {}
    for number, block in enumerate(discriminator.blocks, start=1):
        arrays |= _block(f"block{number}", block)
    arrays |= _numbers(f"l{len(discriminator.blocks) + 1}", discriminator.linear)
    return arrays | (_numbers("l_y", discriminator.embed) if discriminator.embed is not None else {})


def _encoder(encoder: nn.Module) -> dict[str, np.ndarray]:
    assert isinstance(encoder, SNGANEncoder)
    arrays = _numbers("l1", encoder.first)
    for number, block in enumerate(encoder.blocks, start=2):
        arrays |= _block(f"block{number}", block)
    end = len(encoder.blocks) + 2
    # The original makes this norm, saves it, and never calls it.
    unused = np.ones(encoder.last.in_features, np.float32)
    arrays |= {f"b{end}/{leaf}": unused for leaf in ("gamma", "beta", "avg_mean", "avg_var")} | {
        f"b{end}/N": np.array(0)
    }
    return arrays | _numbers(f"l{end}", encoder.last) | _numbers("prelu_out", encoder.prelu)


def _auxiliary(auxiliary: Auxiliary) -> dict[str, np.ndarray]:
    arrays: dict[str, np.ndarray] = {}
    for theirs, ours in {"lA1": "a1", "lA2": "a2", "lB1": "b1", "lB2": "b2"}.items():
        arrays |= _numbers(theirs, getattr(auxiliary, ours))
    arrays |= _numbers("preluMiddleW", auxiliary.a_prelu) | _numbers("preluW", auxiliary.b_prelu)
    return arrays | {"_fast_alpha/W": auxiliary.rates.detach().numpy()}
