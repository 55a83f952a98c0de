//! Every operation of the engine, by name: the one table from which all languages are served.
//!
//! C and Python call an operation by its name, Swift and Kotlin get one method for each row, and
//! Rust callers use the methods that the rows forward to. Adding a row is what makes a method
//! callable from everywhere. Requests are strict (an unknown field is an error), responses may grow.

#[macro_use]
mod table;
mod request;

use request::{read, whole};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{
    Acceptance, AccessData, AccessReport, AcknowledgeChanges, Activity, ActivityKind,
    ActivityKindName, ActivityPage, ActivityReport, AddAssociation, AddFile, AddScorePoints,
    AppliedErasures, ApplyChanges, ApplyErasures, ApplyPlan, ApplyReport, ArchiveAssociation,
    ArchiveRecord, Association, AssociationPage, AssociationType, AssociationTypeName,
    AssociationWalk, AttributeName, AuditRecords, AuditReport, BacktestScore, BackupTo,
    ChangeMembers, ChangePage, Channel, CheckCondition, CheckProof, CheckedCondition, CheckedProof,
    ClockReading, CloneScore, CloudEventPage, ConditionAnswer, ConditionPlan, ConfirmConsent,
    ConsentDecision, ConsentDefinitions, ConsentEvent, ConsentHistory, ConsentPolicy, ConsentProof,
    ConsentReceipt, ConsentReport, ConsentRequest, Consumer, ConsumerName, CountRecords,
    CreateRecord, Crm, DatabaseStats, DecideMany, DefineActivityKind, DefineActivityPreset,
    DefineAssociationPreset, DefineAssociationType, DefineAttribute, DefineLifecycle,
    DefineLifecyclePreset, DefinePreset, DefineRule, DefineScore, DefineScorePreset, DefineSegment,
    DefineType, DefinedLifecycle, DefinedRule, DrawLifecycle, Drawing, Empty, EngineInfo,
    EntityType, EraseSubject, Erasure, ErasureList, ErasurePlan, Error, ErrorKind, EstimateSegment,
    EvaluateCondition, ExplainCondition, ExplainLearnedScore, ExplainMember, ExplainStage,
    ExportCsv, ExportReport, ExportVcard, FilePiece, FileRef, FindRelated, FindStuck, Flow,
    Flywheel, FoundRecords, Funnel, GetAcceptance, GetActivity, GetAssociation, GetConsents,
    GetFlywheel, GetFunnel, GetHistory, GetLearnedScore, GetLifecycle, GetLifecycleHistory,
    GetLinkedPeople, GetManyRecords, GetNotice, GetPreferences, GetReceipt, GetRecord, GetRecordBy,
    GetRegister, GetRule, GetScore, GetScoreHistory, GetSegmentSizes, GetStageTimes, GroupRecords,
    HistoryPage, IdentifyVisitor, Import, ImportCsv, ImportName, ImportPage, ImportPlan,
    ImportReport, ImportRun, ImportVcard, JournalHead, JournalProof, JournalReport, LeakReport,
    LearnedExplanation, LearnedRanking, LearnedScore, LearnedScoreName, Lifecycle,
    LifecycleHistory, LifecycleName, LiftSuppression, LiftedSuppression, LinkPeople, LinkedPeople,
    ListActivities, ListChanges, ListDueForReview, ListErasures, ListImports, ListMembers,
    ListPlanRows, ListProofs, ListRecords, ListRuleRuns, ListTimeline, ManyDecisions,
    MappingProposal, MayContact, MemberExplanation, MoveStage, MovedStage, NewActivity, NewConsent,
    NewUnsubscribeLink, NextTimer, Notice, OpenOptions, OverlapSegments, Party, PatchAssociation,
    PatchRecord, PivotRecords, PivotTable, PlanErasure, PlanImport, PlannedRows, Preferences,
    ProcessingRegister, Progress, ProofPage, ProposeMapping, ProveChanges, ProveDecision,
    PublishNotice, Purpose, RankRecords, RankScores, ReadFile, ReadScore, Record, RecordActivities,
    RecordConsentUses, RecordConsents, RecordPage, RecordedActivity, ReleaseVisitor,
    RequestConsent, RescoreReport, ResetStage, RestoreAssociation, RestoreRecord, RestoreTo,
    Restored, Result, ResumeImport, Retention, RetentionName, RevertReport, ReviewPage, RowsPage,
    Rule, RuleName, RuleRunPage, RuleSimulation, RunSql, RunView, SaveView, SavedView, ScoreAnswer,
    ScoreBacktest, ScoreExplanation, ScoreHistory, ScoreModel, ScoreName, ScoreRanking, SearchPage,
    SearchText, Segment, SegmentEstimate, SegmentMembers, SegmentName, SegmentOverlap,
    SegmentReport, SegmentSizes, SelectRows, SetClock, SetPreferences, SimulateRule,
    SimulateTimers, Simulation, SqlResult, StageExplanation, StageTimes, StuckPage, SweepConsents,
    SweptConsents, Tick, TickTimers, TimelinePage, TrainLearnedScore, TypeName, Unsubscribe,
    UnsubscribeLink, Unsubscribed, UpsertRecord, Upserted, UseConsent, VerifyJournal, VerifyReport,
    ViewAnswer, ViewName, Visitor, WalkAssociations,
};

/// Is told of progress and says whether to go on.
pub type Watch<'a> = dyn FnMut(Progress) -> Flow + 'a;

/// How an operation behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// It leaves the file as it is.
    Read,
    /// It may change the file, at once.
    Write,
    /// It may take long: it reports progress and can be cancelled.
    Job,
}

/// One row of the operation table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Operation {
    /// Dotted name, such as `records.create`.
    pub name: &'static str,
    /// The name as a method of a handle, such as `create_record`.
    pub method: &'static str,
    /// Name of the request record.
    pub request: &'static str,
    /// Name of the response record.
    pub response: &'static str,
    /// How it behaves.
    pub mode: Mode,
    /// What it does, in a sentence or two.
    pub doc: &'static str,
}

macro_rules! operations {
    ($(
        $(#[doc = $doc:literal])*
        $mode:ident $name:literal $variant:ident $method:ident($request:ty) -> $response:ty = $run:expr;
    )*) => {
        /// A parsed request, ready to run.
        #[derive(Debug, Clone, PartialEq)]
        #[non_exhaustive]
        #[allow(clippy::large_enum_variant, reason = "it is moved once, boxing would cost more")]
        pub enum Request { $( $(#[doc = $doc])* $variant($request), )* }

        /// What an operation returned.
        #[derive(Debug, Clone, PartialEq)]
        #[non_exhaustive]
        pub enum Response { $( $(#[doc = $doc])* $variant($response), )* }

        /// Every operation, sorted by name.
        pub const OPERATIONS: &[Operation] = &[$( Operation {
            name: $name,
            method: stringify!($method),
            request: stringify!($request),
            response: stringify!($response),
            mode: operations!(@mode $mode),
            doc: concat!($($doc),*).trim_ascii(),
        }, )*];

        impl Request {
            /// Reads the payload of operation `name` from any self-describing format.
            ///
            /// # Errors
            ///
            /// `UnknownOperation` if there is no such name; `InvalidArgument`, naming the field, if
            /// the payload does not fit the request record.
            pub fn parse<'de, D: Deserializer<'de>>(name: &str, payload: D) -> Result<Self> {
                match name {
                    $( $name => read::<$request, D>(payload).map(Self::$variant), )*
                    other => Err(unknown(other)),
                }
            }
        }

        impl Serialize for Response {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                match self { $( Self::$variant(value) => value.serialize(serializer), )* }
            }
        }

        impl Crm {
            /// Runs one request. `watch` is told of the first step of a job and the last, and between
            /// them about ten times a second at most, and can cancel it; other operations do not call it.
            ///
            /// # Errors
            ///
            /// Whatever the operation's own method returns.
            pub fn execute(&self, request: Request, watch: &mut Watch<'_>) -> Result<Response> {
                match request {
                    $( Request::$variant(r) => run(self, r, watch, $run).map(Response::$variant), )*
                }
            }
        }
    };
    (@mode read) => { Mode::Read };
    (@mode write) => { Mode::Write };
    (@mode job) => { Mode::Job };
}

for_each_operation!(operations);

/// Gives the function of a row its types.
fn run<T, R>(
    crm: &Crm,
    request: T,
    watch: &mut Watch<'_>,
    body: impl FnOnce(&Crm, T, &mut Watch<'_>) -> Result<R>,
) -> Result<R> {
    body(crm, request, watch)
}

impl Request {
    /// Reads the payload of operation `name` from JSON. An empty payload counts as `{}`.
    ///
    /// ```
    /// use crm_core::{Crm, Flow, ops::Request};
    ///
    /// let crm = Crm::in_memory()?;
    /// let request = Request::from_json("records.count", br#"{"type": "contact"}"#)?;
    /// let response = crm.execute(request, &mut |_| Flow::Continue)?;
    /// assert_eq!(serde_json::to_string(&response).unwrap(), "0");
    /// # Ok::<(), crm_core::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Request::parse`].
    pub fn from_json(name: &str, json: &[u8]) -> Result<Self> {
        whole(json, |payload| Self::parse(name, payload))
    }
}

impl OpenOptions {
    /// Reads options from JSON. An empty text counts as `{}`: the defaults.
    ///
    /// # Errors
    ///
    /// `InvalidArgument`, naming the field, if the text is not an object of these options.
    pub fn from_json(json: &[u8]) -> Result<Self> {
        whole(json, |options| Self::parse(options))
    }

    /// Reads options from any serde format.
    ///
    /// # Errors
    ///
    /// `InvalidArgument`, naming the field, if they do not fit.
    pub fn parse<'de, D: Deserializer<'de>>(options: D) -> Result<Self> {
        read(options)
    }
}

#[cold]
fn unknown(name: &str) -> Error {
    let error = Error::new(ErrorKind::UnknownOperation, "no such operation");
    let names = OPERATIONS.iter().map(|operation| operation.name);
    match crate::normal::name::nearest(name, names) {
        Some(near) => error.with_hint(format!("did you mean {near:?}?")),
        None => error.with_hint("docs/operations.md lists them"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted_and_unique() {
        assert!(OPERATIONS.windows(2).all(|pair| pair[0].name < pair[1].name));
    }

    #[test]
    fn a_bad_request_names_the_field_and_never_the_value() {
        for (name, json, field) in [
            ("records.get", r#"{"type":"contact","id":"secret"}"#, Some("id")),
            ("records.get", r#"{"type":7,"id":"secret"}"#, Some("type")),
            ("records.get", r#"{"type":"contact"}"#, Some("id")),
            ("records.count", r#"{"type":"contact","typo":"secret"}"#, Some("typo")),
            (
                "records.create",
                r#"{"type":"contact","values":{"email":{"secret":1}}}"#,
                Some("values.email"),
            ),
            ("records.count", r#"{"type":"contact"} secret"#, None),
            ("records.count", r#"["secret"#, Some("[0]")),
            ("records.count", "{", None),
        ] {
            let error = Request::from_json(name, json.as_bytes()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{json}");
            assert_eq!(error.field(), field, "{json}: {error}");
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }

    #[test]
    fn options_are_read_strictly() {
        assert_eq!(OpenOptions::from_json(b"").unwrap(), OpenOptions::default());
        assert!(OpenOptions::from_json(br#"{"read_only": true}"#).unwrap().read_only);
        let error = OpenOptions::from_json(br#"{"replay": {"start": "secret"}}"#).unwrap_err();
        assert_eq!(error.field(), Some("replay.start"));
        assert!(!error.to_string().contains("secret"), "{error}");
    }

    #[test]
    fn an_unknown_operation_suggests_the_nearest() {
        let error = Request::from_json("record.create", b"{}").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnknownOperation);
        assert_eq!(error.hint(), Some("did you mean \"records.create\"?"));
    }
}
