"""The tables of names for users of the compat packages are those of the code, and complete."""

import pytest
from compat_names import MODULES, NAMES, page_of, rows, theirs, with_table


@pytest.mark.parametrize("package", MODULES)
def test_the_table_of_names_is_what_the_code_says(package: str) -> None:
    page = page_of(package).read_text("utf-8")

    assert "| there | here | otherwise here |" in page
    assert with_table(package, page) == page


@pytest.mark.parametrize("package", MODULES)
def test_every_name_of_a_package_is_in_its_table(package: str) -> None:
    names = {name for _, name, _ in theirs(package)}

    assert set(NAMES[package]) <= names
    assert len(list(rows(package))) == len(names)
