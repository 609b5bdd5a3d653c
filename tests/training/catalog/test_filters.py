import pytest

from detector.errors import UsageError
from tests.training.catalog.conftest import CLOSED, OPEN
from training.catalog.filters import licence_filter, matcher, parse_conditions
from training.catalog.licences import licences
from training.catalog.store import Catalog


@pytest.fixture
def catalog(make):
    samples = [
        make("clinic/a", centre="C1", split="train", facts={"light": "nbi"}),
        make("clinic/b", centre="C2", polyp=False, split="test:own"),
        make("clinic/c", known=False),
        make("closed/d", source="closed", sequence="s1", split="dev"),
    ]
    return Catalog.of([OPEN, CLOSED], samples)


def names(catalog, *words):
    return [s.name for s in catalog.where(matcher(catalog, parse_conditions(words))).samples]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ([], ["clinic/a", "clinic/b", "clinic/c", "closed/d"]),
        (["centre=C1,C2"], ["clinic/a", "clinic/b"]),
        (["centre=C1", "centre=C2"], ["clinic/a", "clinic/b"]),
        (["centre=C*", "label=none"], ["clinic/b"]),
        (["label=unknown"], ["clinic/c"]),
        (["label=polyp", "source=closed"], ["closed/d"]),
        (["light=nbi"], ["clinic/a"]),
        (["centre="], ["clinic/c", "closed/d"]),
        (["commercial=no"], ["closed/d"]),
        (["name=clinic/?"], ["clinic/a", "clinic/b", "clinic/c"]),
    ],
)
def test_conditions(catalog, words, found):
    assert names(catalog, *words) == found


def test_a_key_that_no_image_has_is_an_error_and_no_empty_slice(catalog):
    with pytest.raises(UsageError, match=r"'center'.*centre.*light"):
        names(catalog, "center=C1")
    with pytest.raises(UsageError, match="not KEY=VALUE"):
        names(catalog, "C1")


def test_licences_filter(catalog):
    assert list(licence_filter(catalog, commercial=True).sources) == ["clinic"]
    assert list(licence_filter(catalog, licence="cc by*").sources) == ["clinic"]
    assert list(licence_filter(catalog, without=["clinic"]).sources) == ["closed"]
    with pytest.raises(UsageError, match="no source 'klinik'"):
        licence_filter(catalog, without=["klinik"])


def test_the_manifest_names_what_was_learned_from_or_chosen_on(catalog):
    both = licences(catalog)
    assert [(x.name, x.licence, x.citation) for x in both] == [
        ("clinic", "CC BY 4.0", "Doe 2024"),
        ("closed", "research only", "Roe 2023"),
    ]
    only_tests = catalog.where(lambda s: s.split in ("test:own", "dev"))
    assert [x.name for x in licences(only_tests)] == ["closed"]
    assert [x.name for x in licences(catalog.where(lambda s: not s.split))] == ["clinic"]
    assert licences(Catalog.of([], [])) == []
