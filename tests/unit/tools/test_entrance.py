"""The entrance for who works on the collection, and what a user gets of it: maps and lists that must not fall behind the tree."""

from __future__ import annotations

import re
import tarfile

import pytest
import yaml

from tools.artifact import ROOT, build, tracked

REPOSITORY_URL = "https://github.com/dialtone/ha_pbx/blob/main/"
LINK = re.compile(r"\]\((?!mailto:)([^)\s]+)\)")


def anchors(text: str) -> set[str]:
    """The headings of a page as link targets, as the repository's host makes them."""
    titles = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.fixture(scope="module")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """What ansible-galaxy packs, without its own lists."""
    built = build(tmp_path_factory.mktemp("artifact"))
    with tarfile.open(built) as archive:
        return {member.name for member in archive if member.isfile()} - {"MANIFEST.json", "FILES.json"}


def test_the_map_names_every_folder() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text()
    folders = {name.split("/")[0] for name in tracked() if "/" in name and not name.startswith(".")}
    folders |= {"/".join(name.split("/")[:2]) for name in tracked() if name.startswith(("plugins/", "tests/"))}
    assert sorted(folder for folder in folders if f"`{folder}`" not in text and f"`{folder}/" not in text) == []


def test_the_map_names_every_file_that_decides_or_acts() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text()
    files = {name for name in tracked() if name.startswith(("plugins/plugin_utils/", "plugins/module_utils/"))}
    assert sorted(name for name in files if f"]({name})" not in text and not name.endswith("__init__.py")) == []


def test_what_the_cluster_runs_is_found_in_four_steps_from_the_readme() -> None:
    reached, page = {"README.md"}, set()
    for _step in range(3):
        page = {name for name in reached if name.endswith(".md")}
        for name in page:
            for target in LINK.findall((ROOT / name).read_text()):
                path = target.removeprefix(REPOSITORY_URL).partition("#")[0]
                if path and not path.startswith("http"):
                    reached.add(str((ROOT / name).parent.joinpath(path).resolve().relative_to(ROOT)) if path == target else path)
        if "plugins/plugin_utils/cluster_service.py" in reached:
            return
    pytest.fail("no way from README.md to plugins/plugin_utils/cluster_service.py")


def test_each_decision_has_its_line_and_its_page() -> None:
    listed = set(LINK.findall((ROOT / "docs/architecture.md").read_text()))
    pages = {f"decisions/{path.name}" for path in (ROOT / "docs/decisions").glob("*.md")}
    assert pages
    assert {target for target in listed if target.startswith("decisions/")} == pages
    site = (ROOT / "docs/site/index.md").read_text()
    assert [page for page in sorted(pages) if f"\n{page.removesuffix('.md')}\n" not in site] == []


@pytest.mark.parametrize("page", sorted(name for name in tracked() if name.endswith(".md") and not name.startswith("roles/")))
def test_no_link_leads_nowhere(page: str) -> None:
    broken = []
    for target in LINK.findall((ROOT / page).read_text()):
        if target.startswith("http") and not target.startswith(REPOSITORY_URL):
            continue
        path, _hash, anchor = target.removeprefix(REPOSITORY_URL).partition("#")
        # The site is made of docs/, with this page at its top.
        here = ROOT / "docs" if page == "docs/site/index.md" else (ROOT / page).parent
        base = ROOT if target.startswith(REPOSITORY_URL) else here
        found = base / path if path else ROOT / page
        if not found.exists() or (anchor and found.suffix == ".md" and anchor not in anchors(found.read_text())):
            broken.append(target)
    assert broken == []


def test_a_user_gets_what_is_tracked_and_is_theirs(artifact: set[str]) -> None:
    theirs = ("roles/", "plugins/", "playbooks/", "inventories/", "meta/", "docs/")
    not_theirs = {name for name in tracked() if name.startswith("docs/site/")} | {"docs/testing.md", "docs/lab.md"}
    wanted = {name for name in tracked() if name.startswith(theirs)} - not_theirs
    top = {"README.md", "LICENSE", "CHANGELOG.md", "SECURITY.md", "requirements.txt"}
    assert {name for name in artifact if not name.startswith("changelogs/")} == wanted | top


def test_what_a_user_gets_links_to_nothing_that_they_have_not(artifact: set[str]) -> None:
    missing = []
    for page in sorted(name for name in artifact if name.endswith(".md")):
        for target in LINK.findall((ROOT / page).read_text()):
            path = target.partition("#")[0]
            if not path or target.startswith("http"):
                continue
            name = str((ROOT / page).parent.joinpath(path).resolve().relative_to(ROOT))
            if name not in artifact and not any(known.startswith(f"{name}/") for known in artifact):
                missing.append(f"{page}: {target}")
    assert missing == []


def test_an_execution_environment_is_told_of_files_that_a_user_gets(artifact: set[str]) -> None:
    told = yaml.safe_load((ROOT / "meta/execution-environment.yml").read_text())["dependencies"]
    assert {told["python"], told["system"]} <= artifact


def test_who_makes_the_demo_gets_the_packages_of_the_collection_too() -> None:
    assert "-r requirements.txt" in (ROOT / "requirements-demo.txt").read_text().splitlines()
    assert "-r requirements-demo.txt" in (ROOT / "requirements-test.txt").read_text().splitlines()
