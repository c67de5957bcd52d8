"""Documents: every link leads somewhere, every command and reason they name exists."""

import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])


def anchor(heading):
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(path):
    text = re.sub(r"```.*?```", "", path.read_text(), flags=re.S)
    for target in re.findall(r"\]\(([^)]+)\)", text):
        if target.startswith(("http://", "https://", "mailto:")):
            continue
        name, _, fragment = target.partition("#")
        linked = (path.parent / name).resolve() if name else path
        assert linked.exists(), f"{path.name}: {target}"
        if fragment and linked.suffix == ".md":
            headings = [anchor(line.lstrip("#").strip()) for line in linked.read_text().splitlines() if line.startswith("#")]
            assert fragment in headings, f"{path.name}: {target}"


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_source_files_that_are_named_exist(path):
    for name in re.findall(r"`(src/[\w/]+\.rs|tests/[\w/.]+|deploy/[\w/.]+|docs/[\w/.]+)`", path.read_text()):
        assert (ROOT / name).exists(), f"{path.name}: {name}"


def test_no_document_speaks_of_a_machine():
    for path in DOCUMENTS:
        assert not re.search(r"/(work|home|root)/", path.read_text()), path.name
