"""Entrypoint: what happens on every page, then the page, then the warm-up of the model.

Nothing heavy is imported on this path; the model loads in the background once the first page has
been drawn, because a warm-up started earlier delays it.
"""

from pathlib import Path

import streamlit as st

from dashboard import services, theme
from dashboard.components import frame

PAGES = Path(__file__).resolve().parent.parent / "pages"


def main() -> None:
    """Draw the frame and the page in it."""
    st.set_page_config(page_title="Consilium", page_icon="◐", layout="wide")
    theme.apply()
    pages = [
        st.Page(PAGES / "intake.py", title="Cases", icon=":material/folder_open:", default=True),
        st.Page(PAGES / "review.py", title="Review", icon=":material/radiology:"),
        st.Page(PAGES / "report.py", title="Report", icon=":material/description:"),
        st.Page(PAGES / "models.py", title="Models", icon=":material/neurology:"),
    ]
    page = st.navigation(pages, position="hidden")
    frame.header(pages)
    frame.banner()
    try:
        page.run()
    finally:  # a page may stop early, and then the model is warmed up all the same
        services.engine_job()


if __name__ == "__main__":
    main()
