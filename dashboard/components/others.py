"""What other readers hold of each finding, beside each other."""

from dashboard import others, people, stored_words
from dashboard.components.waiting import error_state
from dashboard.language import t
from dashboard.markup import element, show, table
from dashboard.messages import Words
from dashboard.state import CaseWork
from mmcore.errors import StoreError
from mmcore.language import say
from mmcore.people import Action
from mmcore.wording import impression_text


def panel(work: CaseWork) -> None:
    """Draw a table of what others recorded, for who may see it; nothing where there is nothing."""
    if not people.may(Action.SEE_OTHERS) or work.prediction is None:
        return
    try:
        found = others.recorded(work)
    except StoreError as error:
        error_state(Words(say("Not possible just now"), stored_words.of_store_error(error)))
        return
    if not found:
        return
    names = [other.name or t("Local reader") for other in found]
    rows = tuple(
        (
            t(target.display),
            *(t(impression_text(other.reading.held(target.name))) for other in found),
        )
        for target in work.prediction.targets
        if any(other.reading.held(target.name) for other in found)
    )
    show(element("h2", t("What others recorded"), cls="co-panel-title"))
    show(table((t("Finding"), *names), rows, caption=t("What others recorded"), cls="co-others"))
