"""Which numbers a training computes in on which machine."""

from dataclasses import replace

import pytest
import torch
from neural_collage.engine.errors import InputError
from neural_collage.engine.training.precision import fastest
from neural_collage.engine.training.presets import PRESETS


@pytest.mark.parametrize(
    ("instructions", "chosen"),
    [({"avx2": True}, "fp32"), ({"avx512_bf16": True}, "bf16"), ({"amx_bf16": True, "avx512_bf16": False}, "bf16")],
)
def test_a_cpu_computes_in_bf16_only_where_it_has_instructions_for_it(monkeypatch, instructions, chosen):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: instructions, raising=False)
    assert fastest(torch.device("cpu")) == chosen


def test_a_torch_that_cannot_tell_gets_fp32(monkeypatch):
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    assert fastest(torch.device("cpu")) == "fp32"


@pytest.mark.parametrize("native", [True, False])
def test_a_gpu_that_only_emulates_bf16_computes_in_fp32(monkeypatch, native):
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: native or including_emulation)
    assert fastest(torch.device("cuda")) == ("bf16" if native else "fp32")
    assert fastest(torch.device("mps")) == "fp32"


def test_small_presets_leave_it_to_the_machine_and_the_paper_does_not():
    chosen = {name: PRESETS[name].gan.precision for name in ("starter-64", "small-64", "paper-128", "biggan-128")}
    assert chosen == {"starter-64": "auto", "small-64": "auto", "paper-128": "fp32", "biggan-128": "fp32"}
    with pytest.raises(InputError, match="precision is one of"):
        replace(PRESETS["tiny-64"].gan, precision="fp8")
