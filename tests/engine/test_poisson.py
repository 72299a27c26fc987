import time

import cv2
import numpy as np
import oracles
import pytest
import torch
from neural_collage.engine import poisson
from neural_collage.engine.errors import InputError, MaskError, NeuralCollageError
from neural_collage.engine.poisson import MODES, poisson_blend

BOUND = 2e-4  # of the value range; what is promised is 1/255


def pictures(height: int = 40, width: int = 53, channels: int = 3, count: int = 1) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(height * width)
    target, source = torch.rand(2, count, channels, height, width, generator=generator)
    return target, source


def masks(height: int = 40, width: int = 53) -> dict[str, np.ndarray]:
    y, x = np.mgrid[:height, :width]
    random = np.random.default_rng(0)
    whole = np.ones((height, width), bool)
    hole, comb = whole.copy(), (x % 5 != 2) | (y < height // 4)
    hole[height // 3, width // 3] = False
    return {
        "disc": (y - height / 2) ** 2 + (x - width / 2) ** 2 < (0.4 * height) ** 2,
        "touches two borders": (y - 5) ** 2 + (x - 3) ** 2 < (0.6 * height) ** 2,
        "half": x < width // 2,
        "band from border to border": abs(y - height // 2) < 7,
        "full": whole,
        "empty": ~whole,
        "all but one pixel": hole,
        "several pieces": (abs(y - 10) < 5) & (x % 17 > 4),
        "one pixel": (y == 7) & (x == 11),
        "one corner pixel": (y == 0) & (x == width - 1),
        "thin line": abs(x - y) < 1,
        "line along the border": y == height - 1,
        "checker": (x + y) % 2 == 0,
        "salt and pepper": random.random(whole.shape) < 0.7,
        "sparse holes": random.random(whole.shape) < 0.98,
        "comb": comb,
        "snake": np.where(y % 12 < 6, (y % 6 != 5) | (x > width - 4), (y % 6 != 5) | (x < 3)),
        "ring": abs(np.hypot(y - height / 2, x - width / 2) - 15) < 2,
    }


def error(target: torch.Tensor, source: torch.Tensor, domain: np.ndarray, mode: str) -> float:
    """Largest difference from the exact solution, in parts of the value range (of the wider picture)."""
    blended = poisson_blend(target, source, torch.from_numpy(domain).float(), mode)
    exact = oracles.poisson(target[0].double().numpy(), source[0].double().numpy(), domain, mode)
    span = max(float(picture.max() - picture.min()) for picture in (target, source))
    return float(np.abs(blended[0].double().numpy() - exact).max()) / span


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", masks())
def test_agrees_with_an_exact_sparse_solve(name: str, mode: str) -> None:
    target, source = pictures()
    assert error(target, source, masks()[name], mode) < BOUND


@pytest.mark.parametrize("size", [(1, 1), (1, 60), (60, 1), (2, 33), (3, 50), (17, 64), (64, 64), (120, 97)])
def test_agrees_with_the_exact_solve_at_awkward_sizes(size: tuple[int, int]) -> None:
    target, source = pictures(*size)
    for domain in (masks(*size)["full"], masks(*size)["half"], masks(*size)["touches two borders"]):
        assert error(target, source, domain, "mixed") < BOUND


def test_smooth_pictures_over_a_large_domain_are_as_exact() -> None:
    target, source = (torch.from_numpy(cv2.GaussianBlur(p[0, 0].numpy(), (0, 0), 9)) for p in pictures(200, 220))
    target, source = target.expand(1, 3, -1, -1) * 3, source.expand(1, 3, -1, -1) * 5 + 1
    assert error(target, source, masks(200, 220)["disc"], "normal") < BOUND


@pytest.mark.parametrize(("scale", "offset"), [(255.0, 0.0), (2.0, -1.0), (1e-20, 0.0), (1e20, 0.0), (1.0, 500.0)])
def test_any_value_range_will_do(scale: float, offset: float) -> None:
    target, source = (picture * scale + offset for picture in pictures())
    assert error(target, source, masks()["disc"], "normal") < BOUND


def test_brightness_of_the_source_does_not_matter() -> None:
    target, source = pictures()
    mask = torch.from_numpy(masks()["disc"]).float()
    torch.testing.assert_close(
        poisson_blend(target, source + 100, mask), poisson_blend(target, source, mask), atol=1e-3, rtol=0
    )


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("mode", MODES)
def test_outside_the_domain_nothing_changes(mode: str, dtype: torch.dtype) -> None:
    target, source = (picture.to(dtype) for picture in pictures())
    for name, domain in masks().items():
        soft = torch.where(torch.from_numpy(domain), 0.51, 0.5)  # 0.5 itself is outside
        blended = poisson_blend(target, source, soft, mode)
        assert blended.dtype == dtype
        outside = torch.from_numpy(~domain)
        assert torch.equal(blended[..., outside], target[..., outside]), name
        assert blended.isfinite().all()


def test_half_precision_is_rounded_only_at_the_end() -> None:
    target, source = (picture.half() for picture in pictures())
    mask = torch.from_numpy(masks()["disc"]).float()
    assert torch.equal(poisson_blend(target, source, mask), poisson_blend(target.float(), source.float(), mask).half())


@pytest.mark.parametrize("mode", MODES)
def test_a_picture_blended_into_itself_is_itself(mode: str) -> None:
    gray = pictures(channels=1)[0]
    for name, domain in masks().items():
        assert torch.equal(poisson_blend(gray, gray, torch.from_numpy(domain).float(), mode), gray), name


def test_a_flat_source_gives_the_harmonic_fill() -> None:
    target, _ = pictures()
    domain = masks()["disc"]
    blended = poisson_blend(target, torch.full_like(target, 0.3), torch.from_numpy(domain).float())[0].numpy()
    mean = (blended[:, 2:, 1:-1] + blended[:, :-2, 1:-1] + blended[:, 1:-1, 2:] + blended[:, 1:-1, :-2]) / 4
    inside = domain[1:-1, 1:-1]
    np.testing.assert_allclose(blended[:, 1:-1, 1:-1][:, inside], mean[:, inside], atol=1e-4)
    rim = cv2.dilate(domain.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool) & ~domain
    assert blended[:, domain].max() <= target[0].numpy()[:, rim].max()  # the maximum principle


def test_a_linear_ramp_is_restored_from_its_edge() -> None:
    ramp = torch.linspace(0, 1, 53).expand(1, 1, 40, 53)
    domain = torch.from_numpy(masks()["disc"])
    damaged = torch.where(domain, 0.9, ramp)
    torch.testing.assert_close(poisson_blend(damaged, ramp + 7, domain.float()), ramp, atol=1e-4, rtol=0)


def test_mixed_with_a_flat_source_keeps_the_target() -> None:
    target, _ = pictures()
    for domain in masks().values():
        flat = torch.full_like(target, 0.5)
        blended = poisson_blend(target, flat, torch.from_numpy(domain).float(), "mixed")
        shift = blended - target
        expected = (flat - target).mean((2, 3), keepdim=True) if domain.all() else 0.0  # full: the source's mean
        torch.testing.assert_close(shift, torch.zeros_like(shift) + expected, atol=1e-5, rtol=0)


def test_mixed_takes_the_source_where_it_is_stronger() -> None:
    _, source = pictures()
    mask = torch.from_numpy(masks()["disc"]).float()
    flat = torch.full_like(source, 0.5)
    normal = poisson_blend(flat, source, mask)
    torch.testing.assert_close(poisson_blend(flat, source, mask, "mixed"), normal, atol=1e-4, rtol=0)


def test_monochrome_brings_no_colour() -> None:
    _, source = pictures()
    gray = torch.full_like(source, 0.5)
    mask = torch.from_numpy(masks()["disc"]).float()
    blended = poisson_blend(gray, source, mask, "monochrome")
    torch.testing.assert_close(blended, blended[:, :1].expand_as(blended), atol=1e-5, rtol=0)
    luminance = (source * torch.tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)).sum(1, keepdim=True)
    torch.testing.assert_close(blended, poisson_blend(gray, luminance.expand_as(source), mask), atol=1e-4, rtol=0)


def test_a_full_mask_keeps_the_mean_of_the_source() -> None:
    target, source = pictures()
    full = torch.ones(40, 53)
    torch.testing.assert_close(poisson_blend(target, source, full), source, atol=2e-4, rtol=0)
    for mode in MODES:
        blended = poisson_blend(target, source, full, mode)
        torch.testing.assert_close(blended.mean((2, 3)), source.mean((2, 3)), atol=1e-6, rtol=0)


@pytest.mark.parametrize(("targets", "sources", "layers"), [(3, 1, 1), (1, 3, 1), (1, 1, 3), (3, 3, 3), (1, 3, 3)])
def test_items_of_a_batch_are_blended_alone(targets: int, sources: int, layers: int) -> None:
    target, source = pictures(count=3)
    mask = torch.from_numpy(np.stack(list(masks().values())[:3])).float()[:, None]
    target, source, mask = target[:targets], source[:sources], mask[:layers]
    blended = poisson_blend(target, source, mask)
    assert len(blended) == 3
    for i in range(3):
        alone = poisson_blend(target[i % targets, None], source[i % sources, None], mask[i % layers, 0])
        assert torch.equal(blended[i, None], alone)


def test_every_shape_of_mask_means_the_same() -> None:
    target, source = pictures()
    mask = torch.from_numpy(masks()["disc"])
    expected = poisson_blend(target, source, mask.float())
    for same in (mask, mask[None].double(), mask[None, None].half(), mask.int()):
        assert torch.equal(poisson_blend(target, source, same), expected)


def test_inputs_are_never_written_to_and_may_be_inference_tensors() -> None:
    target, source = pictures()
    before = target.clone(), source.clone()
    with torch.inference_mode():
        inferred = poisson_blend(target.clone(), source.clone(), torch.ones(40, 53), "mixed")
    outside = poisson_blend(target.requires_grad_(), source, torch.ones(40, 53), "mixed")
    assert torch.equal(inferred, outside)
    assert torch.equal(target, before[0])
    assert torch.equal(source, before[1])


def test_a_solver_that_does_not_converge_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(poisson, "MAX_ITERATIONS", 2)
    with pytest.raises(NeuralCollageError, match="converge within 2 iterations"):
        poisson_blend(*pictures(), torch.ones(40, 53))


RGBA = torch.zeros(1, 4, 8, 9)
GOOD = {"target": torch.zeros(1, 3, 8, 9), "source": torch.zeros(1, 3, 8, 9), "mask": torch.zeros(8, 9)}


@pytest.mark.parametrize(
    ("change", "kind", "message"),
    [
        ({"mode": "sharp"}, InputError, "one of normal, mixed, monochrome; got 'sharp'"),
        ({"target": torch.zeros(3, 8, 9)}, InputError, r"target must have shape \(N, C, H, W\).*\(3, 8, 9\)"),
        ({"source": torch.zeros(0, 3, 8, 9)}, InputError, "source must have shape"),
        ({"target": torch.zeros(1, 3, 8, 9, dtype=torch.uint8)}, InputError, "float tensor; got torch.uint8"),
        ({"source": np.zeros((1, 3, 8, 9))}, InputError, "float tensor; got ndarray"),
        ({"target": torch.full((1, 3, 8, 9), torch.nan)}, InputError, "target must be finite"),
        ({"source": torch.full((1, 3, 8, 9), torch.inf)}, InputError, "source must be finite"),
        ({"source": torch.zeros(1, 3, 9, 8)}, InputError, r"\(3, 8, 9\) and \(3, 9, 8\)"),
        ({"source": torch.zeros(1, 4, 8, 9)}, InputError, "same channels"),
        (
            {"target": torch.zeros(2, 3, 8, 9), "source": torch.zeros(3, 3, 8, 9)},
            InputError,
            "target 2, source 3, mask 1",
        ),
        ({"mask": torch.zeros(2, 8, 9), "source": torch.zeros(3, 3, 8, 9)}, InputError, "one length, or singly"),
        ({"mask": torch.zeros(9, 8)}, MaskError, r"8 x 9 \(height x width\); got 9 x 8"),
        ({"mask": torch.zeros(1, 3, 8, 9)}, MaskError, r"got \(1, 3, 8, 9\)"),
        ({"mask": torch.zeros(9)}, MaskError, "mask must have shape"),
        ({"mask": torch.full((8, 9), 255)}, MaskError, "from 255 to 255"),
        ({"mask": torch.full((8, 9), -0.1)}, MaskError, "from -0.1 to -0.1"),
        ({"mask": torch.full((8, 9), torch.nan)}, MaskError, "from nan to nan"),
        ({"mask": None}, MaskError, "got NoneType"),
        (
            {name: torch.zeros(1, 4, 8, 9) for name in ("target", "source")} | {"mode": "monochrome"},
            InputError,
            "got 4",
        ),
    ],
)
def test_bad_input_is_refused(change: dict, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        poisson_blend(**{**GOOD, **change})


# Watching and stopping.


def _slow(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Every V-cycle takes a while, and every one is noted: when it began."""
    cycle, begun = poisson._cycle, []

    def slowly(residual: np.ndarray, masks: list[np.ndarray]) -> np.ndarray:
        if len(residual) == 40:  # the finest level
            begun.append(time.monotonic())
            time.sleep(0.02)
        return cycle(residual, masks)

    monkeypatch.setattr(poisson, "_cycle", slowly)
    monkeypatch.setattr(poisson, "WATCH_EVERY", 0.005)
    return begun


def _pair(count: int = 1) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(5)
    target, source = (torch.rand(count, 3, 40, 40, generator=generator) for _ in range(2))
    mask = torch.ones(1, 1, 40, 40)
    mask[..., 0] = 0  # one column of boundary values: the whole height is solved for
    return target, source, mask


def test_watching_changes_nothing_and_tells_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    _slow(monkeypatch)
    told: list[float] = []
    watched = poisson_blend(*_pair(2), watch=told.append)
    assert torch.equal(watched, poisson_blend(*_pair(2)))
    assert told == sorted(told)
    assert 0 <= told[0] < 0.3
    assert 0.6 < told[-1] <= 1  # the second of two pictures


def test_what_the_watcher_raises_stops_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    begun, stopped = _slow(monkeypatch), []

    class StopError(Exception):
        pass

    def stop(done: float) -> None:
        stopped.append(time.monotonic())
        raise StopError

    with pytest.raises(StopError):
        poisson_blend(*_pair(), watch=stop)
    assert len(stopped) == 1
    # Each of the three planes may begin once more where its thread had not yet begun, and none goes on.
    assert sum(start > stopped[0] for start in begun) <= 3
    assert len(begun) <= 6
