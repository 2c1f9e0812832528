"""The colours, once, for charts, style sheets and the viewer.

Evidence for is orange with a solid line, evidence against is blue with a dashed one: the pair is
told apart with any common colour vision, and never by colour alone. Every text colour has a
contrast of at least 4.5 on every surface here (tests/app/test_palette.py computes it).
"""

BACKGROUND = "#0a0e13"
SURFACE = "#111820"
RAISED = "#18222d"
BORDER = "#273645"
BORDER_STRONG = "#3b4f63"
TEXT = "#e7eef5"
MUTED = "#a3b4c4"
ACCENT = "#5fcdc3"
ON_ACCENT = "#04211e"
FOR = "#f6a654"
AGAINST = "#6db3f8"
CAUTION = "#f0d871"
REFUSED = "#ff9c9c"

TEXT_COLORS = (TEXT, MUTED, ACCENT, FOR, AGAINST, CAUTION, REFUSED)
SURFACES = (BACKGROUND, SURFACE, RAISED)


def css_variables() -> str:
    """Return the palette as CSS custom properties, which also reach into shadow roots."""
    names = {
        "bg": BACKGROUND, "surface": SURFACE, "raised": RAISED, "border": BORDER,
        "border-strong": BORDER_STRONG, "text": TEXT, "muted": MUTED, "accent": ACCENT,
        "on-accent": ON_ACCENT, "for": FOR, "against": AGAINST, "caution": CAUTION,
        "refused": REFUSED,
    }  # fmt: skip
    return ":root{" + "".join(f"--co-{name}:{value};" for name, value in names.items()) + "}"


def translucent(color: str, alpha: float) -> str:
    """Return ``#rrggbb`` as an rgba() with ``alpha`` in [0, 1]."""
    red, green, blue = (int(color[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{alpha:.3f})"
