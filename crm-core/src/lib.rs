//! An embeddable CRM engine: one library, one file, no server.
//!
//! A host defines at run time what a customer is, keeps the records in one file, and reads them back
//! with their whole history: each value, when it was set, by whom and why.
//!
//! # A tour
//!
//! ```
//! use crm_core::{
//!     Attribute, Crm, DefineType, ErrorKind, Kind, ListRecords, Money, RunSql, Value, values,
//! };
//!
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("acme.crm");
//! // Open. A file that is not there is made, with the types `company`, `contact` and `deal`.
//! let crm = Crm::open(&path)?;
//!
//! // Define. Stating the same again changes nothing, so a host may do it at every start.
//! crm.types().define(DefineType::new("book", [
//!     Attribute::new("title", Kind::Text).required(),
//!     Attribute::new("isbn", Kind::Text).unique(),
//!     Attribute::new("genre", Kind::Choice).options(["novel", "poetry"]).indexed(),
//!     Attribute::new("price", Kind::Money).currency("EUR"),
//! ]))?;
//!
//! // Create, in the name of somebody and for a reason.
//! let import = crm.acting_as("import:catalogue", Some("first load"))?;
//! let emma = import.records("book").create(
//!     values! { "title" => "Emma", "isbn" => "9780141439587", "genre" => "novel", "price" => "7.90" },
//! )?;
//!
//! // What does not fit is refused, with the field.
//! let books = crm.records("book");
//! let error = books.create(values! { "title" => "Emma", "isbn" => "9780141439587" }).unwrap_err();
//! assert_eq!((error.kind(), error.field()), (ErrorKind::Duplicate, Some("isbn")));
//!
//! // Query: by a unique attribute, by pages, or by read-only SQL over the tables themselves.
//! assert_eq!(books.get_by("isbn", "9780141439587")?.id, emma.id);
//! let filter = values! { "genre" => "novel" };
//! let page = crm.list_records(&ListRecords { filter, ..ListRecords::new("book") })?;
//! assert_eq!(page.records.len(), 1);
//! let cents = crm.sql(&RunSql::new("SELECT sum(price) FROM book"))?;
//! assert_eq!(cents.rows[0].0, [Value::Integer(790)]);
//!
//! // Change, unless somebody else did so since it was read; then look back.
//! let person = crm.acting_as("user:17", Some("price list of May"))?;
//! let new_price = values! { "price" => "8.50" };
//! person.records("book").patch_expecting(emma.id, new_price, Some(emma.version))?;
//! let history = crm.journal().of_record("book", emma.id)?;
//! assert_eq!(history[1].actor, "user:17");
//! assert_eq!(history[1].cause.as_deref(), Some("price list of May"));
//! assert_eq!(history[1].values["price"], Value::Money(Money::new("8.50", "EUR")));
//!
//! crm.close()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Where things are
//!
//! | concept | begin with |
//! |---|---|
//! | the handle over one file | [`Crm`], [`OpenOptions`] |
//! | entity types and attributes | [`Types`], [`DefineType`], [`Attribute`], [`Kind`], [`Preset`] |
//! | records, one by one, by pages and in batches | [`Records`], [`ListRecords`], [`ApplyChanges`] |
//! | values | [`Value`], [`Values`], [`values!`], [`Money`], [`Address`], [`Date`], [`Timestamp`] |
//! | what happened, with whom, when | [`Activities`], [`ActivityKinds`], [`NewActivity`], [`ActivityPreset`], [`Crm::timeline`] |
//! | conditions: boolean questions about one record | [`Condition`], [`Crm::evaluate_condition`] |
//! | queries: columns, figures over groups, two-way tables | [`SelectRows`], [`GroupRecords`], [`PivotRecords`]; saved: [`Views`] |
//! | full text search | [`Crm::search`], [`SearchText`], [`Attribute::searched`] |
//! | types of associations, associations | [`AssociationTypes`], [`DefineAssociationType`], [`Associations`], [`AddAssociation`], [`FindRelated`] |
//! | segments: named conditions with their members | [`Segments`], [`DefineSegment`], [`ChangeMembers`], [`ListMembers`] |
//! | lifecycles: stages, and where records stand | [`Lifecycles`], [`DefineLifecycle`], [`LifecyclePreset`], [`MoveStage`] |
//! | rules: what is done when something happens | [`Rules`], [`DefineRule`], [`RuleTrigger`], [`RuleAction`] |
//! | scores: how promising records are, and why | [`Scores`], [`DefineScore`], [`ScorePreset`], [`ReadScore`], [`RankScores`] |
//! | consent: what people allowed, and whether we may contact them | [`Consents`], [`NewConsent`], [`MayContact`], [`ConsentDecision`], [`ConsentPolicy`] |
//! | scores learned from records, and back-tests | [`LearnedScores`], [`TrainLearnedScore`], [`LearnedOutcome`], [`BacktestScore`] |
//! | the journal: history, changes, observers | [`Journal`], [`Change`], [`Crm::observe`] |
//! | changes forwarded to others, none lost | [`Journal::acknowledge`], [`CloudEvent`] |
//! | what is wrong with the records | [`Crm::audit_records`] |
//! | stored bytes | [`Files`], [`AddFile`], [`FileRef`] |
//! | CSV tables | [`ImportCsv`], [`ExportCsv`], [`ProposeMapping`] |
//! | imports that are planned, and can be taken back | [`Imports`], [`PlanImport`], [`ImportPlan`] |
//! | address cards: vCard | [`ImportVcard`], [`ExportVcard`] |
//! | the file as a whole | [`Crm::sql`], [`Crm::backup_to`], [`Crm::restore_to`], [`Crm::verify`], [`Crm::stats`], [`Crm::compact`] |
//! | errors | [`Error`], [`ErrorKind`] |
//! | time and ids, to replay a run | [`Replay`], [`Crm::set_clock`], [`Clock`], [`IdGenerator`] |
//! | every operation by name, as the other languages call it | [`ops`] |
//! | every limit | [`limits`] |
//!
//! # Features
//!
//! | feature | default | gives | costs |
//! |---|---|---|---|
//! | `sqlite` | yes | the engine and its file; without it the crate is the pure domain: definitions, values, formats | rusqlite, nix, getrandom, sha2 |
//! | `bundled` | yes | an SQLite of our own. Without it the system's is linked, and opening fails where that is older than 3.51.3 | a C compiler, and compiling SQLite once |
//! | `phone` | yes | telephone numbers are checked against the rules of their country; without it only the shape of E.164 is | the metadata of all regions in the library |
//! | `uniffi` | no | what the Swift and Kotlin bindings are generated from | UniFFI |
//! | `arrow` | no | `Crm::read_table`, `Crm::ingest_table`, `Crm::ingest_activities` and `Crm::ingest_associations`: results of queries as Arrow record batches, and such batches as records, activities or associations; Arrow files as tables of imports | the crates of Arrow |
//! | `sqlcipher` | no | `Crm::open_encrypted` and `Crm::rekey`: files encrypted at rest | SQLCipher in place of our own SQLite, and OpenSSL |
//! | `schema` | no | a JSON Schema of every request and response | schemars |
//!
//! # Guarantees
//!
//! * **Threads.** [`Crm`] is cheap to clone and may be used from several threads at once. One writes
//!   at a time; a file is read by up to four at a time while it is written. The engine starts no
//!   threads: observers and progress functions run on the thread that called.
//! * **Durability.** What a method returned `Ok` for is committed, with its rows of the journal. By
//!   default it survives a power cut; with [`Durability::Relaxed`] it survives the end of the
//!   process. A transaction is kept whole or not at all.
//! * **One engine per file.** A second one, here or in another process, is refused with
//!   [`ErrorKind::InUse`].
//! * **No second SQLite in this process.** Another copy of SQLite that opens the file breaks the
//!   locks of both. Use [`Crm::sql`], or open a copy made by [`Crm::backup_to`].
//! * **Versions.** An older file is brought up to date when it is opened for writing, after a copy of
//!   it was laid beside; a newer file is refused with [`ErrorKind::TooNew`] and left as it is.
//!   Numbers and names of [`ErrorKind`] are frozen.
//! * **Privacy.** No error, and no `Debug`, shows what somebody stored or typed: a text is shown by
//!   its length.

#![cfg_attr(
    not(feature = "sqlite"),
    allow(dead_code, unused_imports, reason = "the domain holds what only the engine calls")
)]

pub mod limits;

mod activity;
#[cfg(feature = "arrow")]
mod arrow;
mod association;
mod cell;
mod circle;
mod condition;
mod consent;
mod database;
mod error;
mod exchange;
mod formula;
mod id;
mod journal;
#[cfg(feature = "sqlcipher")]
mod key;
mod learning;
mod lifecycle;
mod normal;
mod privacy;
mod quality;
mod query;
mod record;
mod refusal;
mod rule;
mod scan;
mod schema;
mod scoring;
mod search;
mod segment;
mod shape;
mod time;
mod timer;
mod value;

#[cfg(feature = "sqlite")]
mod engine;
#[cfg(feature = "sqlite")]
pub mod ops;
#[cfg(feature = "sqlite")]
mod store;

pub use activity::{
    Activity, ActivityKind, ActivityKindName, ActivityLink, ActivityOutcome, ActivityPage,
    ActivityPreset, ActivityReport, DefineActivityKind, DefineActivityPreset, Direction,
    GetActivity, IdentifyVisitor, ListActivities, ListTimeline, NewActivity, RecordActivities,
    RecordedActivity, ReleaseVisitor, TimelineEntry, TimelineItem, TimelineKind, TimelinePage,
    Visitor,
};
#[cfg(feature = "arrow")]
pub use arrow::{
    IngestActivities, IngestAssociations, IngestTable, ReadTable, RecordsTable, TableQuery,
    ViewTable,
};
pub use association::{
    AddAssociation, ArchiveAssociation, Association, AssociationChange, AssociationDirection,
    AssociationEntry, AssociationPage, AssociationPreset, AssociationType, AssociationTypeName,
    AssociationWalk, DefineAssociationPreset, DefineAssociationType, FindRelated, GetAssociation,
    PatchAssociation, Related, RestoreAssociation, WalkAssociations, WalkNode,
};
pub(crate) use cell::Cell;
pub use condition::{
    ChangedCondition, CheckCondition, CheckedCondition, Comparison, Condition, ConditionAnswer,
    ConditionPlan, ConsentCondition, Count, End, EvaluateCondition, EventCondition,
    ExplainCondition, FieldBuilder, FieldCondition, Figure, LeafReason, Measure, Operand, Operator,
    RelatedCondition, ScoreCondition, Span, StageCondition, StageOperator, UnreadCondition, When,
};
pub use consent::{
    BasisFacts, Channel, ChannelPreference, ChannelRule, CheckProof, CheckedProof, ConfirmConsent,
    ConsentDecision, ConsentDefinitions, ConsentEvent, ConsentEvidence, ConsentHistory,
    ConsentKind, ConsentMethod, ConsentOutcome, ConsentPolicy, ConsentPreset, ConsentProof,
    ConsentReceipt, ConsentRegime, ConsentReport, ConsentRequest, ConsentStatus, ContactCap,
    ContactFrequency, ContactPressure, DataCategory, DecideMany, DecisionReason, DenyReason,
    GetConsents, GetLinkedPeople, GetNotice, GetPreferences, GetReceipt, LegalBasis, LinkPeople,
    LinkedPeople, MailHeader, ManyDecisions, MayContact, Medium, NewConsent, NewUnsubscribeLink,
    Notice, NoticeSummary, Party, PartyRole, PersonLink, PreferenceChoice, Preferences, Processing,
    ProveDecision, PublishNotice, Purpose, PurposePreference, QuietHours, ReceiptFormat,
    ReceiptedConsent, RecordConsentUses, RecordConsents, RecordDecision, RequestConsent,
    SetPreferences, ShownNotice, SweepConsents, SweptConsents, Unsubscribe, UnsubscribeLink,
    Unsubscribed, UseConsent,
};
pub use database::{
    AddFile, BackupTo, ClockReading, DatabaseStats, Durability, Empty, EngineInfo, FilePiece, Flow,
    OpenOptions, Progress, ReadFile, Replay, RestoreTo, Restored, RunSql, SetClock, SqlResult,
    SqlRow, TypeCount, VerifyReport,
};
#[cfg(feature = "uniffi")]
pub use error::CrmError;
pub use error::{Error, ErrorKind, Result};
pub use exchange::{
    ActivityColumns, ApplyPlan, AssociationColumns, BadCells, CellProblem, ColumnMapping,
    ColumnRule, CsvDialect, CsvProfile, ExportCsv, ExportReport, Import, ImportCsv, ImportMode,
    ImportName, ImportPage, ImportPlan, ImportReport, ImportRun, ImportSource, ImportState,
    LeftChange, LeftItem, ListImports, ListPlanRows, MappingAddition, MappingProposal, PlanImport,
    PlannedActivity, PlannedAssociation, PlannedChange, PlannedRow, PlannedRows, PlannedStage,
    ProblemCount, ProposeMapping, ResumeImport, RevertReport, RowDecision, SourceFormat,
    StartStage, UnmappedColumn,
    vcard::{CardMapping, CardVersion, ExportVcard, ImportVcard},
};
pub use id::{CountedIds, IdGenerator, RecordId};
pub use journal::{
    AcknowledgeChanges, Change, ChangeKind, ChangePage, CloudEvent, CloudEventPage, Commit,
    Consumer, ConsumerName, HistoryEntry, HistoryPage, JournalHead, JournalProof, JournalReport,
    ListChanges, ProofContent, ProofLink, ProveChanges, VerifyJournal,
};
#[cfg(feature = "sqlcipher")]
pub use key::Key;
pub use learning::{
    BacktestScore, CalibrationBin, ExplainLearnedScore, FeatureCheck, GetLearnedScore, LeakReason,
    LeakReport, LearnedActivities, LearnedAlgorithm, LearnedCondition, LearnedContribution,
    LearnedExplanation, LearnedOutcome, LearnedPrediction, LearnedRanking, LearnedScore,
    LearnedScoreName, LiftDecile, RankRecords, ScoreBacktest, ScoreCandidate, ScoreComparison,
    ScoreQuality, ScoreTier, TierResult, TrainLearnedScore,
};
pub use lifecycle::{
    Acceptance, AcceptanceBreach, DefineLifecycle, DefineLifecyclePreset, DefinedLifecycle,
    DrawLifecycle, Drawing, DrawingFormat, ExplainStage, FindStuck, Flywheel, Funnel, FunnelStage,
    GetAcceptance, GetFlywheel, GetFunnel, GetLifecycle, GetLifecycleHistory, GetStageTimes,
    Lifecycle, LifecycleHistory, LifecycleName, LifecyclePreset, MoveKind, MoveRefusal, MoveStage,
    MovedStage, NextStage, OverdueStage, RelatedStage, ResetStage, Stage, StageCause,
    StageDecision, StageEntry, StageExplanation, StageFriction, StageKind, StageLack, StageMachine,
    StageMapping, StagePlace, StageRemap, StageTime, StageTimes, StageTrigger, StageVisit,
    Standing, StuckPage, StuckRecord, SuppressedBy, SuppressedMove, TriggerAnswer, WinBack,
};
pub use privacy::{
    AccessData, AccessReport, AccessScope, AccessTable, AppliedErasures, ApplyErasures,
    BlockerReason, DueForReview, EraseSubject, ErasedProof, ErasedSubject, ErasedTable, Erasure,
    ErasureBlocker, ErasureDefinition, ErasureEffect, ErasureList, ErasureMention, ErasurePlan,
    ErasureReason, GetRegister, KeptFacts, KeptProof, LiftSuppression, LiftedSuppression,
    ListDueForReview, ListErasures, ListProofs, MentionKind, PlanErasure, ProcessingRegister,
    ProofPage, RegisterEntry, Retention, RetentionName, RetentionStart, ReviewPage,
};
pub use quality::{AttributeAudit, AuditFinding, AuditRecords, AuditReport, AuditRule};
pub use query::{
    Bucket, FieldOrder, GroupKey, GroupMeasure, GroupRecords, PivotCell, PivotRecords, PivotTable,
    ResultColumn, ResultOrder, RowsPage, RunView, SaveView, SavedView, SelectColumn, SelectRows,
    ViewAnswer, ViewName, ViewQuery,
};
pub use record::{
    ApplyChanges, ApplyReport, ArchiveRecord, Archived, ChangeOutcome, CountRecords, CreateRecord,
    FoundRecords, GetHistory, GetManyRecords, GetRecord, GetRecordBy, ListRecords, Order, Outcome,
    PatchRecord, Problem, Record, RecordChange, RecordPage, RecordRef, RestoreRecord, UpsertRecord,
    Upserted,
};
pub use rule::{
    ActionOutcome, ActionResult, AddPoints, ChangeMembership, CreateTask, DefineRule, DefinedRule,
    EmitEvent, GetRule, ListRuleRuns, MoveToStage, OnActivity, OnAttribute, OnDate, OnOverdue,
    OnScore, OnSegment, OnStage, Rule, RuleAction, RuleEvent, RuleEventKind, RuleName, RuleRun,
    RuleRunPage, RuleSimulation, RuleStep, RuleTrigger, SetAttribute, SimulateRule, SimulatedRun,
    SkippedRun,
};
pub use schema::{
    Attribute, AttributeName, ChoiceOption, DefineAttribute, DefinePreset, DefineType, EntityType,
    Kind, Preset, Sensitivity, TypeName,
};
pub use scoring::{
    AddScorePoints, AddedPoints, BoundColumns, CloneScore, ColumnScore, DefineScore,
    DefineScorePreset, FadeKind, GetScore, GetScoreHistory, GroupScore, RankScores, ReadScore,
    RecordScore, RelatedScore, RescoreReport, ScoreAnswer, ScoreAxis, ScoreColumns,
    ScoreContribution, ScoreCrossing, ScoreExplanation, ScoreFade, ScoreFigure, ScoreGroup,
    ScoreHistory, ScoreLevel, ScoreModel, ScoreName, ScorePreset, ScoreRanking, ScoreRule,
    ScoreState, ValuePoints,
};
pub use search::{
    FoundActivity, SearchHit, SearchItem, SearchPage, SearchText, Snippet, SnippetPart,
};
pub use segment::{
    ChangeMembers, DefineSegment, EstimateSegment, ExplainMember, GetSegmentSizes, ListMembers,
    MemberCause, MemberChange, MemberExplanation, OverlapSegments, Segment, SegmentEstimate,
    SegmentKind, SegmentMember, SegmentMembers, SegmentName, SegmentOverlap, SegmentReport,
    SegmentSize, SegmentSizes,
};
pub use time::{Clock, Date, FixedClock, Timestamp};
pub use timer::{FailedTimer, NextTimer, SimulateTimers, Simulation, Tick, TickTimers, TimerRoom};
pub use value::{Address, Bytes, FileRef, Money, Value, Values};

#[cfg(all(feature = "arrow", feature = "sqlite"))]
pub use engine::TableStream;
#[cfg(feature = "sqlite")]
pub use engine::{
    Activities, ActivityKinds, AssociationTypes, Associations, Consents, Crm, Files, Imports,
    Journal, LearnedScores, Lifecycles, Observer, Privacy, Records, Rules, Scores, Segments,
    Timers, Types, Views,
};
/// The crates whose types stand in the signatures of feature `arrow`. A new major version of them is
/// one of ours.
#[cfg(feature = "arrow")]
pub use {arrow_array, arrow_schema};

#[cfg(feature = "uniffi")]
uniffi::setup_scaffolding!();
