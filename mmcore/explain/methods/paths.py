"""Methods that walk from the baseline to the patient's input: complete by construction."""

from mmcore.explain.ledger import ABSOLUTE_TOLERANCE, RELATIVE_TOLERANCE, attribute_by_path
from mmcore.explain.marginal import Ledger
from mmcore.explain.methods.method import Attributed, Method, Request
from mmcore.explain.path import integrate
from mmcore.language import say
from mmcore.modalities import channel_of
from mmcore.records import Modality


def integrated_gradients(request: Request) -> Attributed:
    """Walk along the embedded input alone, with as many points as the tolerance asks for."""
    found = integrate(
        request.marginal,
        request.inputs,
        request.start,
        change=request.change,
        tolerance=RELATIVE_TOLERANCE * abs(request.change) + ABSOLUTE_TOLERANCE,
        first_steps=channel_of(request.modality).first_steps,
        internal_batch_size=request.ledger.internal_batch_size,
    )
    return Attributed(found.values, n_steps=found.n_steps)


def blended(request: Request) -> Attributed:
    """Walk as the ledger does: through pixels and through tokens, and blend the two."""
    found, miss = attribute_by_path(
        request.ledger, request.modality, request.change, start=request.start
    )
    return Attributed(found.values, miss=miss, n_steps=found.n_steps)


def has_grid(ledger: Ledger, modality: Modality) -> str:
    """Say no to what has no grid of tokens to blend with."""
    if ledger.network.encoder(modality).grid is None:
        return say("only images have tokens that lie on a grid")
    return ""


METHODS = (
    Method(
        "integrated_gradients", say("Integrated Gradients"), "Sundararajan, Taly and Yan 2017",
        True, integrated_gradients,
    ),
    Method(
        "blended", say("Integrated Gradients of pixels and tokens"), "docs/decisions/0013", True,
        blended, has_grid,
    ),
)  # fmt: skip
