"""The colours of both themes, once, for charts, style sheets and the viewer.

Evidence for is orange with a solid line, evidence against is blue with a dashed one: the pair is
told apart with any common colour vision, and never by colour alone. On every surface of its theme a
text colour has a contrast of at least 4.5, and what a reader must see of a drawing of at least 3
(WCAG 2.2, 1.4.3 and 1.4.11; tests/app/test_palette.py computes it).
"""

from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True)
class Palette:
    """The colours of one theme, each ``#rrggbb``.

    border: between areas; nothing depends on seeing it. border_strong: what shows where a control
    begins. track: the empty part of a scale. band: an interval on it. in_favour, against: evidence.
    """

    background: str
    surface: str
    raised: str
    border: str
    border_strong: str
    track: str
    band: str
    text: str
    muted: str
    accent: str
    on_accent: str
    in_favour: str
    against: str
    caution: str
    refused: str

    @property
    def surfaces(self) -> tuple[str, ...]:
        """Everything that words may stand on."""
        return (self.background, self.surface, self.raised)

    @property
    def words(self) -> tuple[str, ...]:
        """Everything that words may be written in."""
        return (
            self.text, self.muted, self.accent, self.in_favour, self.against, self.caution,
            self.refused,
        )  # fmt: skip

    @property
    def drawn(self) -> tuple[str, ...]:
        """Everything else that a reader must be able to see."""
        return (self.border_strong, self.band)


DARK = Palette(
    background="#0a0e13",
    surface="#111820",
    raised="#18222d",
    border="#273645",
    border_strong="#66798c",
    track="#2a3947",
    band="#7f97ae",
    text="#e7eef5",
    muted="#a3b4c4",
    accent="#5fcdc3",
    on_accent="#04211e",
    in_favour="#f6a654",
    against="#6db3f8",
    caution="#f0d871",
    refused="#ff9c9c",
)
LIGHT = Palette(
    background="#f3f5f8",
    surface="#ffffff",
    raised="#e6ecf2",
    border="#cfd8e1",
    border_strong="#74838f",
    track="#d3dce4",
    band="#5f7486",
    text="#14202b",
    muted="#475868",
    accent="#006a62",
    on_accent="#ffffff",
    in_favour="#a84e00",
    against="#0a579f",
    caution="#6a5200",
    refused="#a9241c",
)

FOR, AGAINST = DARK.in_favour, DARK.against
"""On an image and on a spectrogram, which are black in both themes."""

_CSS_NAMES = {"background": "bg", "in_favour": "for"}


def css_variables() -> str:
    """Return both palettes as CSS custom properties, which also reach into shadow roots.

    Each follows the ``color-scheme`` of the element that uses it, which Streamlit sets on the app:
    another theme needs no word from the server.
    """
    written = []
    for field in fields(Palette):
        name = _CSS_NAMES.get(field.name, field.name.replace("_", "-"))
        light, dark = getattr(LIGHT, field.name), getattr(DARK, field.name)
        written.append(f"--co-{name}:light-dark({light},{dark});")
    return ":root{" + "".join(written) + "}"
