"""A split recipe: one YAML file, validated; an unknown key is an error. Bundled ones lie in ``recipes/``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from detector.errors import FormatError, SourceError
from detector.schema import describe_validation_error

RECIPES = Path(__file__).parent / "recipes"


def _listed(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


def _plain(name: str) -> str:
    if not name or not all(c.isalnum() or c in "-_." for c in name):
        raise ValueError("must be letters, digits, '-', '_' or '.'")
    return name


Patterns = Annotated[list[str], BeforeValidator(_listed)]
Where = dict[str, Patterns]
"""Conditions by key (see `training.catalog.filters.KEYS`, or a fact); a value or a list of them, ``*`` is wild."""
Name = Annotated[str, AfterValidator(_plain)]
Share = Annotated[float, Field(ge=0, lt=1)]
Stratum = Literal["source", "centre", "label"]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TestSet(_Part):
    """A test set: everything that meets `where`, or a share of what is left, or the names in a list.

    Attributes:
        where: conditions; empty: every image.
        names: file with the names of its images, one a line, relative to the recipe.
        share: of the images that no filter, list or official split claims; chosen by units.
    """

    __test__ = False  # for pytest, which collects classes of this name
    where: Where = {}
    names: Path | None = None
    share: Share | None = None

    @model_validator(mode="after")
    def _says_something(self) -> TestSet:
        if not self.where and self.names is None and self.share is None:
            raise ValueError("needs one of 'where', 'names' and 'share'")
        if self.names is not None and self.share is not None:
            raise ValueError("has 'names' and 'share': choose one")
        return self


class DevRule(_Part):
    """A rule for dev.

    Attributes:
        where: conditions; empty: every image that is left.
        without: images that meet these are not taken.
        share: of each stratum's images, counted before test shares are taken off.
        units: instead of a share: so many whole patients or sequences of each stratum.
    """

    where: Where = {}
    without: Where = {}
    share: Share | None = None
    units: Annotated[int, Field(ge=0)] | None = None

    @model_validator(mode="after")
    def _one_of(self) -> DevRule:
        if (self.share is None) == (self.units is None):
            raise ValueError("needs either 'share' or 'units'")
        return self


class Recipe(_Part):
    """How a catalog is split. The defaults are the recipe for one's own data.

    Attributes:
        name: what the catalog calls it.
        sources: the recipe leaves other sources alone; empty: it is for all.
        tests: test sets by name, the first claims first. Whatever belongs with a test image (patient, sequence,
            near-duplicate) and is not in the test itself goes nowhere.
        official: honour the data sets' own splits: ``test`` -> test:official, ``val`` -> dev, ``train`` -> train.
        dev: rules for dev, each for what the ones before left.
        stratify: shares are taken of each combination of these, so that every centre is in every part.
        salt: begins the text whose hash orders the units; another salt is another split.
        dev_list: file with the committed names of dev. With it, the rules above are only checked against the lists.
        left_out_list: file with the committed names of what goes nowhere.
        external: sets (catalog or image folder, relative to the recipe) of which nothing may resemble train or dev.
    """

    name: Name = "own"
    sources: list[str] = []
    tests: dict[Name, TestSet] = {"own": TestSet(share=0.15)}
    official: bool = True
    dev: list[DevRule] = [DevRule(share=0.15)]
    stratify: list[Stratum] = ["source", "centre", "label"]
    salt: str = "polypwatch own 1"
    dev_list: Path | None = None
    left_out_list: Path | None = None
    external: list[Path] = []

    @model_validator(mode="after")
    def _both_lists(self) -> Recipe:
        if (self.dev_list is None) != (self.left_out_list is None):
            raise ValueError("dev_list and left_out_list go together")
        if "official" in self.tests and self.official:
            raise ValueError(
                "the test 'official' is made by 'official: true': call yours otherwise, or switch that off"
            )
        return self


def read_recipe(name: Path | str) -> Recipe:
    """Read a recipe: a YAML file, or the name of a bundled one (``own``, ``public``). Its paths become absolute.

    Raises:
        SourceError: there is no such file.
        FormatError: it is no YAML, or a key or value is wrong.
    """
    import yaml

    bundled = RECIPES / f"{name}.yaml"
    path = bundled if isinstance(name, str) and bundled.is_file() else Path(name)
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        known = ", ".join(sorted(p.stem for p in RECIPES.glob("*.yaml")))
        raise SourceError(f"The recipe {path} cannot be read ({error}).", f"Bundled recipes: {known}.") from error
    except yaml.YAMLError as error:
        raise FormatError(f"{path} is not YAML ({' '.join(str(error).split())}).") from error
    try:
        recipe = Recipe.model_validate({} if data is None else data)
    except ValidationError as error:
        raise FormatError(f"{path}: {describe_validation_error(error)}.") from error
    return _with_absolute_paths(recipe, path.absolute().parent)


def _with_absolute_paths(recipe: Recipe, base: Path) -> Recipe:
    tests = {
        name: test if test.names is None else test.model_copy(update={"names": base / test.names})
        for name, test in recipe.tests.items()
    }
    update: dict[str, Any] = {"tests": tests, "external": [base / p for p in recipe.external]}
    for key in ("dev_list", "left_out_list"):
        if (value := getattr(recipe, key)) is not None:
            update[key] = base / value
    return recipe.model_copy(update=update)


def read_list(path: Path) -> set[str]:
    """The names in a split list, one a line.

    Raises:
        SourceError: the file is missing.
    """
    try:
        return {line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()}
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f"The split list {path} cannot be read ({error}).", "The checkout is incomplete.") from error
