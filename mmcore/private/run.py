"""What a private run may use, and what its card says."""

from dataclasses import replace

from mmcore.errors import ConfigError
from mmcore.model.network import FusionNetwork
from mmcore.private.ledger import Spent
from mmcore.train.config import RunConfig
from mmcore.train.norms import refuse_running_statistics


def refuse_unprotected(run: RunConfig, network: FusionNetwork) -> None:
    """Raise ``ConfigError`` for whatever would tell of training patients beside the noisy steps.

    Such is all that looks at several of them at once (contrast, batch norm), counts their labels
    (weights of rare classes, balanced sampling) or reads them before the first step.
    """
    for key, is_used in (
        ("relabel.folds", bool(run.relabel.folds)),
        ("start.text_epochs", bool(run.start.text_epochs)),
        ("alignment.kind", run.alignment.kind != "none"),
        ("loss.balance", run.loss.balance != "fixed"),
        ("loss.pos_weight_cap", run.loss.pos_weight_cap > 1.0),
        ("training.sampler", run.training.sampler != "shuffle"),
        ("training.strata", bool(run.training.strata)),
        ("training.patience", bool(run.training.patience)),
        ("training.amp", run.training.amp),
    ):
        if is_used:
            problem = "can not be promised to be private; leave it out, or leave out `privacy`"
            raise ConfigError(key=key, problem=problem)
    refuse_running_statistics(network)


def with_promise(run: RunConfig, spent: Spent) -> RunConfig:
    """Return the run whose card also says what was spent, and on whom it was not."""
    sentence = (
        f"Trained with differential privacy: {spent.words}. The promise is about these training "
        "patients and the weights. Scales, word pieces, the mean image, calibration, thresholds "
        "and the reference patients of the pack are of validation patients, whom it does not cover."
    )
    words = f"{str(run.card['training_data']).rstrip()} {sentence}"
    card = {**run.card, "training_data": words, "privacy": spent.to_mapping()}
    return replace(run, card=card)
