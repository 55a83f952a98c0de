//! Learned scores: the probability that something will come of a record, learned from others.
//!
//! Pure numeric kernels over slices. `sample` holds records as columns, `train` learns a model from
//! them by `logistic` regression or naive Bayes, `model` scores and explains, `measure` says how good
//! that was, and `leaks` which features know the outcome. The invariants: the same records give the
//! same bits on every platform; and what is said of a model was measured on records that it
//! did not learn from.

mod answers;
mod leaks;
mod logistic;
mod measure;
mod model;
mod number;
mod requests;
mod sample;
mod train;

pub use answers::{
    CalibrationBin, FeatureCheck, LeakReason, LeakReport, LearnedContribution, LearnedExplanation,
    LearnedPrediction, LearnedRanking, LearnedScore, LiftDecile, ScoreBacktest, ScoreComparison,
    ScoreQuality, ScoreTier, TierResult,
};
pub(crate) use leaks::{FilledWhen, check as check_leaks};
pub(crate) use measure::{auc, compare, measure};
pub(crate) use model::{Model, Source};
pub(crate) use number::logistic;
pub use requests::{
    BacktestScore, ExplainLearnedScore, GetLearnedScore, LearnedActivities, LearnedAlgorithm,
    LearnedCondition, LearnedOutcome, LearnedScoreName, RankRecords, ScoreCandidate,
    TrainLearnedScore,
};
pub(crate) use sample::{Cell as FeatureCell, Column as FeatureColumn, LevelsBuilder};
pub(crate) use train::{Recipe, Sample, foretold, train};
