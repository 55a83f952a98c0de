//! One method for each row of the operation table.
//!
//! The rows come from `crm_core::for_each_operation!`; the macro expands to whole exported `impl`
//! blocks, because UniFFI has to see the methods when it exports them. A row added to the table is
//! a method in Swift and Kotlin without a line here.

use std::sync::Arc;

use crm_core::{
    Acceptance, AccessData, AccessReport, AcknowledgeChanges, Activity, ActivityKind,
    ActivityKindName, ActivityPage, ActivityReport, AddAssociation, AddFile, AddScorePoints,
    AppliedErasures, ApplyChanges, ApplyErasures, ApplyPlan, ApplyReport, ArchiveAssociation,
    ArchiveRecord, Association, AssociationPage, AssociationType, AssociationTypeName,
    AssociationWalk, AttributeName, AuditRecords, AuditReport, BacktestScore, BackupTo,
    ChangeMembers, ChangePage, Channel, CheckCondition, CheckProof, CheckedCondition, CheckedProof,
    ClockReading, CloneScore, CloudEventPage, ConditionAnswer, ConditionPlan, ConfirmConsent,
    ConsentDecision, ConsentDefinitions, ConsentEvent, ConsentHistory, ConsentPolicy, ConsentProof,
    ConsentReceipt, ConsentReport, ConsentRequest, Consumer, ConsumerName, CountRecords,
    CreateRecord, CrmError, DatabaseStats, DecideMany, DefineActivityKind, DefineActivityPreset,
    DefineAssociationPreset, DefineAssociationType, DefineAttribute, DefineLifecycle,
    DefineLifecyclePreset, DefinePreset, DefineRule, DefineScore, DefineScorePreset, DefineSegment,
    DefineType, DefinedLifecycle, DefinedRule, DrawLifecycle, Drawing, Empty, EngineInfo,
    EntityType, EraseSubject, Erasure, ErasureList, ErasurePlan, EstimateSegment,
    EvaluateCondition, ExplainCondition, ExplainLearnedScore, ExplainMember, ExplainStage,
    ExportCsv, ExportReport, ExportVcard, FilePiece, FileRef, FindRelated, FindStuck, Flywheel,
    FoundRecords, Funnel, GetAcceptance, GetActivity, GetAssociation, GetConsents, GetFlywheel,
    GetFunnel, GetHistory, GetLearnedScore, GetLifecycle, GetLifecycleHistory, GetLinkedPeople,
    GetManyRecords, GetNotice, GetPreferences, GetReceipt, GetRecord, GetRecordBy, GetRegister,
    GetRule, GetScore, GetScoreHistory, GetSegmentSizes, GetStageTimes, GroupRecords, HistoryPage,
    IdentifyVisitor, Import, ImportCsv, ImportName, ImportPage, ImportPlan, ImportReport,
    ImportRun, ImportVcard, JournalHead, JournalProof, JournalReport, LeakReport,
    LearnedExplanation, LearnedRanking, LearnedScore, LearnedScoreName, Lifecycle,
    LifecycleHistory, LifecycleName, LiftSuppression, LiftedSuppression, LinkPeople, LinkedPeople,
    ListActivities, ListChanges, ListDueForReview, ListErasures, ListImports, ListMembers,
    ListPlanRows, ListProofs, ListRecords, ListRuleRuns, ListTimeline, ManyDecisions,
    MappingProposal, MayContact, MemberExplanation, MoveStage, MovedStage, NewActivity, NewConsent,
    NewUnsubscribeLink, NextTimer, Notice, OverlapSegments, Party, PatchAssociation, PatchRecord,
    PivotRecords, PivotTable, PlanErasure, PlanImport, PlannedRows, Preferences,
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
    ViewAnswer, ViewName, Visitor, WalkAssociations, ops::Watch,
};

use crate::{Crm, ProgressListener, guard::guard, progress::ask};

macro_rules! export_operations {
    ($(
        $(#[doc = $doc:literal])*
        $mode:ident $name:literal $variant:ident $method:ident($request:ty) -> $response:ty = $run:expr;
    )*) => {
        $( export_operations! { @$mode [$(#[doc = $doc])*] $method($request) -> $response = $run } )*
    };
    (@job [$(#[$doc:meta])*] $method:ident($request:ty) -> $response:ty = $run:expr) => {
        #[uniffi::export]
        impl Crm {
            $(#[$doc])*
            ///
            /// # Errors
            ///
            /// What the engine refuses, by kind; a job that the listener cancels says in its report
            /// what was kept, or fails with `Interrupted`.
            #[uniffi::method(default(listener = None))]
            pub fn $method(
                &self,
                request: $request,
                listener: Option<Arc<dyn ProgressListener>>,
            ) -> Result<$response, CrmError> {
                let mut watch = |progress| ask(listener.as_ref(), progress);
                guard(|| run(&self.engine, request, &mut watch, $run))
            }
        }
    };
    (@$mode:ident [$(#[$doc:meta])*] $method:ident($request:ty) -> $response:ty = $run:expr) => {
        #[uniffi::export]
        impl Crm {
            $(#[$doc])*
            ///
            /// # Errors
            ///
            /// What the engine refuses, by kind.
            pub fn $method(&self, request: $request) -> Result<$response, CrmError> {
                let mut watch = |_: Progress| crm_core::Flow::Continue;
                guard(|| run(&self.engine, request, &mut watch, $run))
            }
        }
    };
}

crm_core::for_each_operation!(export_operations);

/// Gives the function of a row its types.
fn run<T, R>(
    engine: &crm_core::Crm,
    request: T,
    watch: &mut Watch<'_>,
    body: impl FnOnce(&crm_core::Crm, T, &mut Watch<'_>) -> Result<R>,
) -> Result<R> {
    body(engine, request, watch)
}
