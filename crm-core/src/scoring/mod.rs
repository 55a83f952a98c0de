//! Scores: how promising records are, to the last point.
//!
//! A definition (`definition`, `preset`) is judged when it is saved (`check`) and made into a program
//! (`program`), whose conditions are ready to be evaluated. `tally` asks its rules for what they give a
//! record and explains it; `sheet` keeps what is needed to say the score at any later moment, `rank`
//! where it stands among all; `decay` says what is left of points. The invariants: points are whole
//! thousandths and nothing is lost in sums; the same facts give the same bits whenever they are
//! asked for; and no definition that was saved can overflow.

mod added;
mod answers;
mod check;
mod column;
mod columnar;
mod decay;
mod definition;
mod preset;
mod program;
mod rank;
mod requests;
mod sheet;
mod tally;

pub use added::{AddScorePoints, AddedPoints};
pub(crate) use added::{NewPoints, PointsBody, PointsFact, check_added};
pub use answers::{
    GroupScore, RecordScore, RescoreReport, ScoreAnswer, ScoreContribution, ScoreCrossing,
    ScoreExplanation, ScoreHistory, ScoreRanking,
};
pub(crate) use check::check_definition;
pub(crate) use column::ColumnCells;
pub use columnar::{BoundColumns, ColumnScore, ScoreColumns};
pub(crate) use columnar::{ColumnProgram, ColumnSums, Columns, needs_more};
pub(crate) use decay::POINT;
pub use definition::{
    DefineScore, FadeKind, RelatedScore, ScoreAxis, ScoreFade, ScoreFigure, ScoreGroup, ScoreLevel,
    ScoreModel, ScoreRule, ScoreState, ValuePoints,
};
pub(crate) use definition::{StoredModel, model_json, read_model};
pub use preset::{DefineScorePreset, ScorePreset};
pub(crate) use program::{
    RuleProgram, ScoreProgram, ScorePrograms, Source as RuleSource, Worth as RuleWorth,
};
pub(crate) use rank::Rank;
pub use requests::{CloneScore, GetScore, GetScoreHistory, RankScores, ReadScore, ScoreName};
pub(crate) use sheet::Sheet;
pub(crate) use tally::{Facts as ScoreFacts, Given, Happening, explain, name_fields, sheet, tally};
