"""The rules of how the code is put together that import-linter cannot express."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted((ROOT / "pages").glob("*.py"))
PYTHON = sorted(p for d in ("mmcore", "dashboard", "pages") for p in (ROOT / d).rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))
FRONT_END = sorted(p for p in (ROOT / "dashboard" / "viewer").iterdir() if p.suffix != ".py")
ALLOWED_IN_PAGES = {"streamlit", "dashboard", "mmcore", "json"}
MAX_PAGE_LINES = 80
MAX_MODULE_LINES = 400
HEAVY = ("torch", "timm", "transformers", "captum", "pydicom", "reportlab", "scipy", "sklearn")

DOORS = {
    "captum": ("mmcore/explain/",),
    "pydicom": (
        "mmcore/intake/dicom",
        "mmcore/simulate/",
        "mmcore/deid/dicom_",
        "mmcore/results/dicom_",
        "mmcore/network/",
    ),
    "pynetdicom": ("mmcore/network/",),
    "dicomweb_client": ("mmcore/network/web.py",),
    "requests": (
        "mmcore/network/http.py",
        "mmcore/network/web.py",
        "mmcore/network/fhir_server.py",
    ),
    "urllib3": ("mmcore/network/http.py",),
    "highdicom": ("mmcore/results/dicom_",),
    "imagecodecs": ("mmcore/intake/dicom", "mmcore/intake/decode_process.py"),
    "soundfile": ("mmcore/intake/recording.py",),
    "timm": ("mmcore/model/",),
    "transformers": ("mmcore/modalities/note_encoders.py", "mmcore/train/"),
    "reportlab": ("mmcore/report/pdf",),
    "pypdf": ("mmcore/intake/documents/",),
    "fhir": ("mmcore/intake/fhir_models.py", "mmcore/results/fhir_check.py"),
    "plotly": ("dashboard/charts.py",),
    "sqlalchemy": ("mmcore/store/",),
    "alembic": ("mmcore/store/",),
    "cryptography": ("mmcore/store/sealing.py",),
    "argon2": ("mmcore/people/passwords.py",),
    "prometheus_client": ("mmcore/audit/prometheus.py",),
    "flwr": ("mmcore/federated/",),
    "opacus": ("mmcore/private/",),
    "ray": ("mmcore/scale/",),
    "pyarrow": ("mmcore/scale/rows.py",),
    "httpx": ("mmcore/scale/asking.py",),
    "onnxruntime": ("mmcore/model/exported.py", "mmcore/compress/"),
    "onnx": ("mmcore/compress/",),
    "onnxscript": ("mmcore/compress/",),
}
"""Each library and the only places that may import it: what has one door can be replaced."""

PRIVATE_OF_LIBRARIES = (
    "pydicom._uid_dict",
    "pydicom.sr._concepts_dict",
    "pydicom.sr._snomed_dict",
    "ray.serve._private",
    "streamlit.web.server.starlette.starlette_websocket._get_signed_cookie_with_chunks",
)
"""What a library keeps to itself and is used all the same, where it offers no other way."""


MAY_BE_PRIVATE = re.compile(
    r"import\b.*\b_[a-zA-Z]|^ +_\w+,$|(?<!\bself)(?<!\bcls)\._[a-zA-Z]", re.M
)
"""Found at a glance, since few files need to be parsed for it."""


def name(source: Path) -> str:
    return source.relative_to(ROOT).as_posix()


def imports(source: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(source.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found.add(node.module or "")
    return found


def roots(source: Path) -> set[str]:
    return {module.partition(".")[0] for module in imports(source)}


def private_names(source: Path, *, through_modules: bool) -> set[str]:
    """Return what a file takes from other modules under a name with an underscore before it.

    through_modules: ``module._name`` counts too, not only what is imported by name.
    """
    text = source.read_text("utf-8")
    if not MAY_BE_PRIVATE.search(text):
        return set()
    nodes, known = list(ast.walk(ast.parse(text))), dict[str, str]()
    for node in nodes:
        if isinstance(node, ast.Import | ast.ImportFrom):
            origin = f"{node.module}." if isinstance(node, ast.ImportFrom) else ""
            known |= {one.asname or one.name: f"{origin}{one.name}" for one in node.names}
    taken = set(known.values())
    for node in nodes if through_modules else ():
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            taken |= {f"{known[of]}.{node.attr}" for of in {node.value.id}.intersection(known)}
    return {path for path in taken if re.search(r"(^|\.)_(?!_)", path)}


def uses(source: Path, attribute: str) -> list[int]:
    return [
        node.lineno
        for node in ast.walk(ast.parse(source.read_text("utf-8")))
        if isinstance(node, ast.Attribute) and node.attr.startswith(attribute)
    ]


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_a_page_only_composes(page: Path) -> None:
    assert roots(page) <= ALLOWED_IN_PAGES
    assert len(page.read_text("utf-8").splitlines()) <= MAX_PAGE_LINES
    of_core = {module for module in imports(page) if module.startswith("mmcore")}
    assert of_core <= {"mmcore.records", "mmcore.errors"}


@pytest.mark.parametrize("source", [*PYTHON, *FRONT_END], ids=name)
def test_a_module_can_be_read_in_one_sitting(source: Path) -> None:
    assert len(source.read_text("utf-8").splitlines()) <= MAX_MODULE_LINES


@pytest.mark.parametrize("source", PYTHON, ids=name)
def test_session_state_has_one_owner(source: Path) -> None:
    if name(source) != "dashboard/state.py":
        touched = uses(source, "session_state")
        assert not touched, f"use dashboard.state instead (lines {touched})"


@pytest.mark.parametrize("source", PYTHON, ids=name)
def test_streamlit_caches_have_one_owner(source: Path) -> None:
    if name(source) != "dashboard/services.py":
        touched = uses(source, "cache_data") + uses(source, "cache_resource")
        assert not touched, f"use dashboard.services instead (lines {touched})"


@pytest.mark.parametrize("source", PYTHON, ids=name)
def test_every_library_has_one_door(source: Path) -> None:
    for library in roots(source) & set(DOORS):
        assert name(source).startswith(DOORS[library]), f"{library} has its door elsewhere"


def test_what_another_module_uses_has_a_public_name() -> None:
    taken = {
        f"{name(source)}: {path}"
        for source in (*PYTHON, *TESTS)
        for path in private_names(source, through_modules=source in PYTHON)
        if not path.startswith(PRIVATE_OF_LIBRARIES)
    }
    assert not taken


@pytest.mark.parametrize("source", PYTHON, ids=name)
def test_html_is_drawn_only_by_its_owners(source: Path) -> None:
    if name(source) not in ("dashboard/markup.py", "dashboard/theme.py"):
        assert not uses(source, "html"), "draw through dashboard.markup, which escapes"
    assert "unsafe_allow" not in source.read_text("utf-8")


@pytest.mark.parametrize("source", FRONT_END, ids=name)
def test_the_front_end_fetches_nothing_and_writes_no_html(source: Path) -> None:
    text = source.read_text("utf-8")
    for forbidden in ("http:", "https:", "//cdn", "innerHTML", "insertAdjacentHTML", "fetch(",
                      "XMLHttpRequest", "import ", "@import", "url("):  # fmt: skip
        assert forbidden not in text, f"{forbidden} in {source.name}"


def test_the_entrypoint_has_no_sibling_pages_folder() -> None:
    assert not (ROOT / "dashboard" / "pages").exists()
    assert not list(ROOT.glob("*app.py")), "an entrypoint beside pages/ revives legacy routing"


def test_mmcore_imports_without_streamlit() -> None:
    probe = "import mmcore.records, mmcore.errors, sys; sys.exit('streamlit' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", probe], cwd=ROOT, check=False).returncode == 0


def test_the_first_page_is_drawn_without_anything_heavy() -> None:
    probe = f"""
import sys
from dashboard import services
services.warm_up = lambda pack: None
from streamlit.testing.v1 import AppTest
app = AppTest.from_file("dashboard/app.py", default_timeout=60).run()
assert not app.exception, app.exception
loaded = [m for m in {HEAVY!r} if m in sys.modules]
sys.exit(f"loaded: {{loaded}}" if loaded else 0)
"""
    done = subprocess.run(
        [sys.executable, "-c", probe], cwd=ROOT, check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_the_server_ships_with_safe_settings() -> None:
    import tomllib

    settings = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text("utf-8"))
    assert settings["runner"]["postScriptGC"] is False
    assert settings["browser"]["gatherUsageStats"] is False
    assert settings["client"]["showErrorDetails"] == "none"
    server = settings["server"]
    assert server["address"] == "127.0.0.1"
    assert server["allowedHosts"] == ["localhost", "127.0.0.1"]
    assert server["enableXsrfProtection"] is server["enableCORS"] is True
    assert server["enableStaticServing"] is False
    assert server["xsrfCookieSameSite"] == "strict"
