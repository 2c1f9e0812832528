"""The figures for many weightings at once are those of scikit-learn and SciPy, one at a time."""

import numpy as np
import pytest
from scipy import stats
from scipy.special import expit
from sklearn import metrics as oracle
from sklearn.linear_model import LogisticRegression

from mmcore.evaluate import metrics, regression
from mmcore.evaluate.resample import patient_weights, resample

RNG = np.random.default_rng(4)
LABELS = (RNG.random(150) < 0.3).astype(float)
SCORES = np.round(np.clip(0.15 + 0.3 * LABELS + 0.5 * RNG.random(150), 0, 1), 2)  # with ties
WEIGHTS = np.stack([np.ones(150), *next(patient_weights(rows=150, groups=None, seed=0))[:3]])


def values(name: str, point: float = 0.5) -> np.ndarray:
    return metrics.binary_metrics(point)[name](metrics.rank(LABELS, SCORES, WEIGHTS))


ORACLES = {
    "auroc": lambda w: oracle.roc_auc_score(LABELS, SCORES, sample_weight=w),
    "auprc": lambda w: oracle.average_precision_score(LABELS, SCORES, sample_weight=w),
    "accuracy": lambda w: oracle.accuracy_score(LABELS, SCORES >= 0.5, sample_weight=w),
    "balanced_accuracy": lambda w: oracle.balanced_accuracy_score(
        LABELS, SCORES >= 0.5, sample_weight=w
    ),
    "precision": lambda w: oracle.precision_score(LABELS, SCORES >= 0.5, sample_weight=w),
    "sensitivity": lambda w: oracle.recall_score(LABELS, SCORES >= 0.5, sample_weight=w),
    "f1": lambda w: oracle.f1_score(LABELS, SCORES >= 0.5, sample_weight=w),
    "brier": lambda w: oracle.brier_score_loss(LABELS, SCORES, sample_weight=w),
    "log_loss": lambda w: oracle.log_loss(LABELS, SCORES, sample_weight=w),
}


@pytest.mark.parametrize("name", ORACLES)
def test_every_weighting_gives_the_figure_of_the_oracle(name: str) -> None:
    assert values(name) == pytest.approx([ORACLES[name](w) for w in WEIGHTS], abs=1e-9)


def test_the_calibration_slope_is_that_of_a_logistic_regression_on_the_logit() -> None:
    logits = np.log(SCORES / (1 - SCORES))[:, None]
    for found, weights in zip(values("calibration_slope"), WEIGHTS, strict=True):
        fitted = LogisticRegression(C=np.inf, tol=1e-8).fit(logits, LABELS, sample_weight=weights)
        assert found == pytest.approx(fitted.coef_[0, 0], rel=1e-3)


def test_the_calibration_intercept_makes_the_mean_probability_right() -> None:
    logits = np.log(SCORES / (1 - SCORES))
    moved = expit(logits + values("calibration_intercept")[0])
    assert moved.mean() == pytest.approx(LABELS.mean(), abs=1e-9)


def test_separable_classes_have_no_calibration_slope() -> None:
    labels, scores = np.array([0.0, 0, 1, 1]), np.array([0.1, 0.2, 0.8, 0.9])
    figures = metrics.finding_figures(
        labels, scores, operating_point=0.5, names=("calibration_slope",)
    )
    assert np.isnan(figures["calibration_slope"].value)


@pytest.mark.parametrize("level", [0.9, 0.95])
def test_sensitivity_at_a_specificity_is_the_best_point_of_the_roc_curve(level: float) -> None:
    alarms, hits, _ = oracle.roc_curve(LABELS, SCORES, drop_intermediate=False)
    name = f"sensitivity_at_specificity_{level * 100:.0f}"
    assert values(name)[0] == pytest.approx(hits[1 - alarms >= level - 1e-12].max())
    name = f"specificity_at_sensitivity_{level * 100:.0f}"
    assert values(name)[0] == pytest.approx((1 - alarms)[hits >= level - 1e-12].max())


def test_sensitivity_at_a_specificity_by_hand() -> None:
    # Ten absent: one of them may be called. Above the second absent (0.7) lie two of three present.
    labels = np.array([1.0, 0, 1, 0, 1, *[0] * 8])
    scores = np.array([0.9, 0.8, 0.75, 0.7, 0.65, *[0.1] * 8])
    sample = metrics.rank(labels, scores, np.ones((1, 13)))
    assert metrics.sensitivity_at(sample, 0.9)[0] == pytest.approx(2 / 3)
    assert metrics.specificity_at(sample, 0.9)[0] == pytest.approx(0.8)


def test_unknown_labels_are_dropped_not_counted_as_absent() -> None:
    labels = np.append(LABELS, [np.nan] * 50)
    scores = np.append(SCORES, [0.99] * 50)
    assert metrics.auroc(labels, scores) == metrics.auroc(LABELS, SCORES)
    figures = metrics.finding_figures(labels, scores, operating_point=0.5, names=metrics.EVERY)
    for name in metrics.EVERY:
        assert figures[name].value == pytest.approx(values(name)[0], abs=1e-12), name


def test_a_score_that_is_no_number_is_refused() -> None:
    with pytest.raises(ValueError, match="not a finite number"):
        metrics.finding_figures(LABELS, SCORES * np.nan, operating_point=0.5)


def test_equal_count_bins_hold_equally_many_and_part_no_ties() -> None:
    scores = np.array([0.1, 0.1, 0.1, 0.1, 0.5, 0.6])
    edges = metrics.equal_count_edges(scores, 3)
    members = np.searchsorted(edges, scores, side="right")
    assert len(set(members[:4])) == 1
    even = np.searchsorted(
        metrics.equal_count_edges(np.arange(100) / 100, 10), np.arange(100) / 100, side="right"
    )
    assert np.bincount(even).tolist() == [10] * 10


TRUTH = np.round(RNG.normal(size=80), 1)
GIVEN = np.round(0.7 * TRUTH + 0.5 * RNG.normal(size=80) + 0.3, 1)
TIMES = next(patient_weights(rows=80, groups=None, seed=1))[0].astype(int)
REGRESSION_ORACLES = {
    "mae": oracle.mean_absolute_error,
    "rmse": oracle.root_mean_squared_error,
    "bias": lambda t, g: (g - t).mean(),
    "correlation": lambda t, g: stats.pearsonr(t, g).statistic,
    "spearman": lambda t, g: stats.spearmanr(t, g).statistic,
    "r2": oracle.r2_score,
}


@pytest.mark.parametrize("name", regression.EVERY)
def test_a_weight_is_the_row_repeated(name: str) -> None:
    statistic = regression.regression_statistic(TRUTH, GIVEN, names=(name,))
    found = statistic(np.stack([np.ones(80), TIMES]))[name]
    repeated = np.repeat(TRUTH, TIMES), np.repeat(GIVEN, TIMES)
    expected = REGRESSION_ORACLES[name]
    assert found == pytest.approx([expected(TRUTH, GIVEN), expected(*repeated)], abs=1e-9)


def test_constant_values_have_no_correlation_and_no_share_explained() -> None:
    figures = regression.regression_figures(np.ones(5), np.arange(5.0), names=regression.EVERY)
    for name in ("correlation", "spearman", "r2"):
        assert np.isnan(figures[name].value), name
    assert figures["bias"].value == pytest.approx(1.0)


def test_patients_are_resampled_with_all_their_rows() -> None:
    groups = np.repeat(["a", "b", "c"], [2, 3, 1])
    for weights in patient_weights(rows=6, groups=groups, seed=0, resamples=50):
        assert (weights[:, 0] == weights[:, 1]).all()
        assert (weights[:, 2] == weights[:, 4]).all()
        assert (weights[:, [0, 2, 5]].sum(1) == 3).all()


def test_rows_copied_within_a_patient_do_not_narrow_the_interval() -> None:
    groups = np.arange(150)
    single = metrics.finding_figures(LABELS, SCORES, operating_point=0.5, groups=groups)
    copied = metrics.finding_figures(
        np.repeat(LABELS, 4), np.repeat(SCORES, 4), operating_point=0.5, groups=np.repeat(groups, 4)
    )
    for name in ("auroc", "auprc", "f1", "brier"):
        assert copied[name].low == pytest.approx(single[name].low)
        assert copied[name].high == pytest.approx(single[name].high)


def test_blocks_do_not_change_the_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    def statistic(weights: np.ndarray) -> dict[str, np.ndarray]:
        return {"first": weights[:, 0]}

    whole = resample(statistic, rows=10, resamples=20)["first"].draws
    monkeypatch.setattr("mmcore.evaluate.resample.BLOCK", 30)
    assert resample(statistic, rows=10, resamples=20)["first"].draws.tolist() == whole.tolist()


def test_a_figure_that_few_resamples_define_has_no_interval() -> None:
    labels = np.array([1.0, *[0] * 4])  # a third of the resamples lack the one who has it

    def often_undefined(weights: np.ndarray) -> dict[str, np.ndarray]:
        return {"x": np.where(weights @ labels == 1, 1.0, np.nan)}

    assert np.isnan(resample(often_undefined, rows=5)["x"].figure().low)


def test_the_interval_covers_the_true_auroc_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    truth, covered = stats.norm.cdf(1 / np.sqrt(2)), 0
    for _ in range(200):
        labels = (np.arange(120) < 40).astype(float)
        scores = expit(rng.normal(size=120) + labels)
        figure = metrics.finding_figures(labels, scores, operating_point=0.5, names=("auroc",))
        covered += figure["auroc"].low <= truth <= figure["auroc"].high
    assert 0.90 <= covered / 200 <= 0.99
