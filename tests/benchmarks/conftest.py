"""A toy model, a set of discs, and a study of the one on the other."""

import pytest
import toy
from discs import JUDGE, archive
from study import Study


@pytest.fixture(scope="module")
def gan():
    return toy.gan(3)


@pytest.fixture(scope="module")
def data(tmp_path_factory, gan):
    return archive(tmp_path_factory.mktemp("data") / "discs.zip", gan.class_names)


@pytest.fixture
def study(gan, data, tmp_path):
    return Study(gan, data, tmp_path, hold_out=4, judge_settings=JUDGE)
