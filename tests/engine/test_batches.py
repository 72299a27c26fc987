"""A batch cut anywhere gives the same pictures; memory that runs out halves the pieces."""

import gc
import weakref
from dataclasses import replace

import pytest
import torch
import toy
from neural_collage.engine import ClassMap, Collage, InputError, Latent, render
from neural_collage.engine.batches import count_pictures, cut_batch, in_pieces, join_latents
from neural_collage.engine.gan import Gan

N = 5
MASKS = torch.rand(N, 1, 9, 9, generator=torch.Generator().manual_seed(0))
ONE_MASK = MASKS[:1]


@pytest.fixture(scope="module")
def gan() -> Gan:
    return toy.gan(4)


def _sampled(gan: Gan, count: int, seed: int = 0) -> Collage:
    return Collage(gan.sample([i % 4 for i in range(count)], seed=seed))


def _collages(gan: Gan) -> dict[str, Collage]:
    """Every way in which a batch of five comes about."""
    batch, single = _sampled(gan, N), _sampled(gan, 1, seed=9)
    reference = _sampled(gan, N, seed=20).label(ClassMap().paint(3, MASKS))
    painted = ClassMap().paint("rose", ONE_MASK).paint(reference, MASKS, 0.7)
    return {
        "latents": batch,
        "masks": single.feature(_sampled(gan, 1, seed=4), MASKS, "4-8"),
        "class map": single.label(ClassMap().paint(2, MASKS)),
        "reference": single.feature(reference, ONE_MASK, "4-8", shift=(0.2, 0.0)),
        "shared": batch.feature(reference, MASKS, "4").feature(single.feature(reference, MASKS, "8"), ONE_MASK, "8-"),
        "painted collage": batch.label(painted, "8-"),
    }


@pytest.mark.parametrize("name", _collages(toy.gan(4)))
@pytest.mark.parametrize("at_most", [1, 2, 3, 5, 8])
def test_pictures_do_not_depend_on_where_a_batch_is_cut(gan: Gan, name: str, at_most: int):
    collage = _collages(gan)[name]
    assert count_pictures(collage) == N
    whole = render(gan, collage)
    parts = [part for _, part in in_pieces(N, lambda piece: render(gan, cut_batch(collage, N, piece)), at_most)]
    assert [len(part) for part in parts] == [min(at_most, N - done) for done in range(0, N, at_most)]
    torch.testing.assert_close(torch.cat(parts), whole, atol=1e-5, rtol=0)
    assert (whole[0] - whole[4]).abs().max() > 0.05  # or any part would have done


def test_the_whole_batch_is_the_value_itself(gan: Gan):
    collage = _collages(gan)["shared"]
    assert cut_batch(collage, N, slice(0, N)) is collage
    assert cut_batch(collage, N, slice(0, 8)) is collage


def test_a_reference_used_twice_stays_one(gan: Gan):
    cut = cut_batch(_collages(gan)["shared"], N, slice(1, 3))
    first, second = cut.edits
    assert first.reference is second.reference.edits[0].reference  # type: ignore[union-attr]
    assert len(first.reference) == 2  # type: ignore[union-attr]


def test_single_values_stay_single_and_nothing_is_written_to(gan: Gan):
    collage = _collages(gan)["masks"]
    before = collage.latent.z.clone()  # type: ignore[union-attr]
    cut = cut_batch(collage, N, slice(2, 4))
    assert cut.latent.z.shape[0] == 1  # type: ignore[union-attr]
    assert torch.equal(cut.edits[0].mask, MASKS[2:4])  # type: ignore[union-attr]
    assert torch.equal(collage.latent.z, before)  # type: ignore[arg-type]


def test_a_latent_is_cut_with_all_that_belongs_to_its_pictures(gan: Gan):
    latent = gan.sample([0, 1, 2, 3, 0], seed=3, truncation=0.5)
    cut = cut_batch(latent, N, slice(3, 5))
    alone = gan.sample([3, 0], seed=6, truncation=0.5)
    assert isinstance(cut, Latent)
    assert torch.equal(cut.z, alone.z)  # type: ignore[arg-type]
    assert torch.equal(cut.labels, alone.labels)
    assert cut.truncation == 0.5


@pytest.mark.parametrize("sizes", [(5,), (2, 2, 1), (1, 1, 1, 1, 1)])
def test_the_latents_of_the_pieces_make_the_batch_again(gan: Gan, sizes: tuple[int, ...]):
    seeds, maps = torch.arange(N), (torch.rand(1, 1, 4, 4), torch.rand(N, 1, 8, 8))
    sampled = gan.sample([0, 1, 2, 3, 0], seed=3)
    for latent in (sampled, replace(sampled, z=None, w=torch.rand(N, 3, 6), noise=seeds), replace(sampled, noise=maps)):
        ends = torch.tensor(sizes).cumsum(0).tolist()
        cuts = [cut_batch(latent, N, slice(end - size, end)) for size, end in zip(sizes, ends, strict=True)]
        joined = join_latents(cuts)
        assert torch.equal(joined.point, latent.point)
        assert torch.equal(joined.labels, latent.labels)
        noises = zip(*map(_maps, (joined.noise, latent.noise)), strict=True)
        assert all(torch.equal(ours, theirs.expand_as(ours)) for ours, theirs in noises)


def _maps(noise: object) -> tuple[torch.Tensor, ...]:
    return noise if isinstance(noise, tuple) else (noise,) if isinstance(noise, torch.Tensor) else ()


def test_batches_that_do_not_fit_are_still_refused(gan: Gan):
    """Cut where both have items left, latents of 4 and masks of 5 would pass for one picture repeated."""
    collage = Collage(gan.sample([0, 1, 2, 3])).label(ClassMap().paint(2, MASKS))
    with pytest.raises(InputError, match="one for each picture"):
        list(in_pieces(N, lambda piece: render(gan, cut_batch(collage, N, piece)), 4))


def test_pieces_come_in_order_and_say_how_much_is_done():
    assert list(in_pieces(7, lambda piece: list(range(7))[piece], 3)) == [(3, [0, 1, 2]), (6, [3, 4, 5]), (7, [6])]


ERRORS = {
    "cuda": torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"),
    "mps": RuntimeError("MPS backend out of memory (MPS allocated: 8 GB)"),
    "cpu": RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes."),
    "cpu on windows": RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 9 bytes."),
    "cudnn": RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
}


@pytest.mark.parametrize("error", ERRORS.values(), ids=ERRORS)
def test_where_memory_runs_out_pieces_are_halved_and_stay_small(error: RuntimeError):
    tried: list[int] = []
    told: list[int] = []

    def work(piece: slice) -> list[int]:
        tried.append(piece.stop - piece.start)
        if tried[-1] > 2:
            raise error
        return list(range(11))[piece]

    found = [each for _, part in in_pieces(11, work, 8, told.append) for each in part]
    assert found == list(range(11))
    assert tried == [8, 4, 2, 2, 2, 2, 2, 1]
    assert told == [4, 2]


def test_pictures_drawn_after_memory_ran_out_are_the_same(gan: Gan):
    collage = _collages(gan)["shared"]

    def draw(piece: slice) -> torch.Tensor:
        if piece.stop - piece.start > 2:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory.")
        return render(gan, cut_batch(collage, N, piece))

    found = torch.cat([part for _, part in in_pieces(N, draw, N)])
    torch.testing.assert_close(found, render(gan, collage), atol=1e-5, rtol=0)


def test_what_the_failed_try_held_is_let_go_before_the_next():
    held: list[weakref.ref] = []

    def work(piece: slice) -> int:
        gc.collect()
        assert not [reference for reference in held if reference() is not None]
        large = torch.zeros(10)
        held.append(weakref.ref(large))
        if piece.stop - piece.start > 1:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory.")
        return 1

    assert [result for _, result in in_pieces(4, work, 4)] == [1, 1, 1, 1]


@pytest.mark.parametrize("error", [torch.cuda.OutOfMemoryError("CUDA out of memory."), RuntimeError("a bug")])
def test_other_errors_and_a_single_item_that_does_not_fit_are_not_hidden(error: RuntimeError):
    def work(piece: slice) -> int:
        if piece.stop - piece.start == 1 or str(error) == "a bug":
            raise error
        raise torch.cuda.OutOfMemoryError("CUDA out of memory.")

    with pytest.raises(RuntimeError) as caught:
        list(in_pieces(4, work, 4))
    assert caught.value is error


@pytest.mark.parametrize(("count", "at_most"), [(0, 1), (3, 0), (2.5, 1)])
def test_counts_that_are_none_are_refused(count: int, at_most: int):
    with pytest.raises(InputError, match="number of items"):
        list(in_pieces(count, len, at_most))  # type: ignore[arg-type]


def test_only_a_collage_has_pictures_to_count():
    with pytest.raises(InputError, match="Collage"):
        count_pictures(torch.zeros(2))  # type: ignore[arg-type]
