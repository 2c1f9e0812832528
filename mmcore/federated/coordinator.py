"""What the coordinator brings: its own patients, the first weights, and at the end the pack.

Scales, word pieces and the mean image are measured on its own patients, and the reference patients
and the calibration of the pack are of them too: no patient of a site is in it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mmcore.federated.brief import Brief
from mmcore.federated.plan import Plan
from mmcore.federated.weights import Weights, put_weights, take_weights
from mmcore.records import Modality
from mmcore.train.package import package
from mmcore.train.sources import Source, open_source
from mmcore.train.start import start_from


@dataclass(frozen=True, slots=True)
class SiteReport:
    """What a site said of the last round: counts and figures, of no single patient.

    train, held_out: examinations. before, after: macro AUROC on its held-out ones of the weights
    that all had when the round began, and of those that all have now; None if it was not asked.
    """

    name: str
    train: int
    held_out: int
    before: float
    after: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Coordinator:
    """The coordinator of one plan, with its patients prepared."""

    plan: Plan
    source: Source
    brief: Brief

    def first_weights(self, folder: Path) -> Weights:
        """Return what the sites start from; ``folder`` is the run's."""
        learner = self.brief.build_learner()
        network = learner.network
        if Modality.IMAGE in network.modalities:
            network.baseline_image = self.source.train.mean_image()
        start_from(network, self.plan.run, self.source, folder=folder)
        return take_weights(learner)

    def write_pack(
        self, weights: Weights, sites: Mapping[str, SiteReport], *, out: Path, hours: float
    ) -> None:
        """Write the pack of averaged weights, whose card says who took part, in counts."""
        learner = self.brief.build_learner()
        put_weights(learner, weights)
        network = learner.network
        if Modality.IMAGE in network.modalities:  # averaged too, and rounded by that
            network.baseline_image = self.source.train.mean_image()
        run = replace(self.plan.run, card=card_words(self.plan, self.source, sites))
        package(network, run, self.source, out=out, hours=hours)


def open_coordinator(plan: Plan, *, work: Path, data: Path | None = None) -> Coordinator:
    """Prepare the coordinator's own patients; ``work`` and ``data`` as for ``train``."""
    run, federation = plan.run, plan.federation
    source = open_source(run, work=work, data=data)
    brief = Brief(
        model=source.model,
        tokenizer=source.tokenizer,
        training=run.training,
        loss=run.loss,
        alignment=run.alignment,
        rounds=federation.rounds,
        epochs=federation.local_epochs,
        proximal=federation.proximal,
        span=federation.span if federation.secure else 0.0,
        most=federation.most,
    )
    return Coordinator(plan, source, brief)


def card_words(plan: Plan, source: Source, sites: Mapping[str, SiteReport]) -> dict[str, Any]:
    """Return the card of the plan with who took part in the training."""
    rows = ", ".join(f"{site.name} ({site.train})" for _, site in sorted(sites.items()))
    own = len(source.train), len(source.validation)
    sentence = (
        f"Federated: {plan.federation.words}. Sites, with how many examinations each learned from: "
        f"{rows}. No examination left its site. The training examinations counted below "
        f"({own[0]}) are the coordinator's own: they gave scales, word pieces, the mean image and "
        f"the reference patients of the pack, and the network did not learn from them. "
        f"Calibration is of the coordinator's {own[1]} validation examinations."
    )
    words = f"{str(plan.run.card['training_data']).rstrip()} {sentence}"
    figures = {
        name: {
            "train": site.train,
            "held_out": site.held_out,
            **({} if site.after is None else {"auroc": round(site.after, 4)}),
        }
        for name, site in sorted(sites.items())
    }
    told = {"algorithm": plan.federation.words, "sites": figures}
    return {**plan.run.card, "training_data": words, "federated": told}
