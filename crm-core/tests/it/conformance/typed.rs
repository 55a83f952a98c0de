//! Each operation through the interface that Rust callers use. An operation without a branch here
//! is an operation that Rust cannot call, and fails the run.

use crm_core::{
    AccessData, AcknowledgeChanges, ActivityKindName, AddAssociation, AddFile, AddScorePoints,
    ApplyChanges, ApplyErasures, ApplyPlan, ArchiveAssociation, ArchiveRecord, AssociationTypeName,
    AttributeName, AuditRecords, BacktestScore, BackupTo, ChangeMembers, Channel, CheckCondition,
    CheckProof, CloneScore, ConfirmConsent, ConsentPolicy, ConsumerName, CountRecords,
    CreateRecord, Crm, DecideMany, DefineActivityKind, DefineActivityPreset,
    DefineAssociationPreset, DefineAssociationType, DefineAttribute, DefineLifecycle,
    DefineLifecyclePreset, DefinePreset, DefineRule, DefineScore, DefineScorePreset, DefineSegment,
    DefineType, DrawLifecycle, Empty, EraseSubject, Error, EstimateSegment, EvaluateCondition,
    ExplainCondition, ExplainLearnedScore, ExplainMember, ExplainStage, ExportCsv, ExportVcard,
    FindRelated, FindStuck, Flow, GetAcceptance, GetActivity, GetAssociation, GetConsents,
    GetFlywheel, GetFunnel, GetHistory, GetLearnedScore, GetLifecycle, GetLifecycleHistory,
    GetLinkedPeople, GetManyRecords, GetNotice, GetPreferences, GetReceipt, GetRecord, GetRecordBy,
    GetRegister, GetRule, GetScore, GetScoreHistory, GetSegmentSizes, GetStageTimes, GroupRecords,
    IdentifyVisitor, ImportCsv, ImportName, ImportVcard, LearnedScoreName, LifecycleName,
    LiftSuppression, LinkPeople, ListActivities, ListChanges, ListDueForReview, ListErasures,
    ListImports, ListMembers, ListPlanRows, ListProofs, ListRecords, ListRuleRuns, ListTimeline,
    MayContact, MoveStage, NewActivity, NewConsent, NewUnsubscribeLink, OverlapSegments, Party,
    PatchAssociation, PatchRecord, PivotRecords, PlanErasure, PlanImport, ProposeMapping,
    ProveChanges, ProveDecision, PublishNotice, Purpose, RankRecords, RankScores, ReadFile,
    ReadScore, RecordActivities, RecordConsentUses, RecordConsents, ReleaseVisitor, RequestConsent,
    ResetStage, RestoreAssociation, RestoreRecord, RestoreTo, ResumeImport, Retention,
    RetentionName, RuleName, RunSql, RunView, SaveView, ScoreName, SearchText, SegmentName,
    SelectRows, SetClock, SetPreferences, SimulateRule, SimulateTimers, SweepConsents, TickTimers,
    TrainLearnedScore, TypeName, Unsubscribe, UpsertRecord, UseConsent, VerifyJournal, ViewName,
    WalkAssociations, ops::Request,
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value as Json;

/// The answer of an operation as JSON, or its error.
pub(super) type Answer = Result<Json, Error>;

/// Calls the method of `operation`; `None` if there is no branch for it.
#[expect(clippy::too_many_lines, reason = "a branch for each operation")]
pub(super) fn call(crm: &Crm, operation: &str, request: &Json) -> Option<Answer> {
    let watch = &mut |_| Flow::Continue;
    let with = Input { operation, request };
    Some(match operation {
        "activities.get" => with.call(|r: GetActivity| crm.activities().get(r.id)),
        "activities.identify" => with.call(|r: IdentifyVisitor| crm.activities().identify(&r)),
        "activities.list" => with.call(|r: ListActivities| crm.activities().list(&r)),
        "activities.record" => with.call(|r: NewActivity| crm.activities().record(r)),
        "activities.record_many" => {
            with.call(|r: RecordActivities| crm.activities().record_many(r))
        }
        "activities.release" => with.call(|r: ReleaseVisitor| crm.activities().release(&r.visitor)),
        "activity_kinds.archive" => {
            with.call(|r: ActivityKindName| crm.activity_kinds().archive(&r.kind))
        }
        "activity_kinds.define" => {
            with.call(|r: DefineActivityKind| crm.activity_kinds().define(r))
        }
        "activity_kinds.define_preset" => {
            with.call(|r: DefineActivityPreset| crm.activity_kinds().define_preset(r.preset))
        }
        "activity_kinds.get" => with.call(|r: ActivityKindName| crm.activity_kinds().get(&r.kind)),
        "activity_kinds.list" => with.call(|_: Empty| crm.activity_kinds().list()),
        "activity_kinds.restore" => {
            with.call(|r: ActivityKindName| crm.activity_kinds().restore(&r.kind))
        }
        "association_types.archive" => {
            with.call(|r: AssociationTypeName| crm.association_types().archive(&r.association_type))
        }
        "association_types.define" => {
            with.call(|r: DefineAssociationType| crm.association_types().define(r))
        }
        "association_types.define_preset" => {
            with.call(|r: DefineAssociationPreset| crm.association_types().define_preset(r.preset))
        }
        "association_types.get" => {
            with.call(|r: AssociationTypeName| crm.association_types().get(&r.association_type))
        }
        "association_types.list" => with.call(|_: Empty| crm.association_types().list()),
        "association_types.restore" => {
            with.call(|r: AssociationTypeName| crm.association_types().restore(&r.association_type))
        }
        "associations.add" => with.call(|r: AddAssociation| crm.associations().add(r)),
        "associations.archive" => {
            with.call(|r: ArchiveAssociation| crm.associations().archive(r.id, r.expected_version))
        }
        "associations.get" => with.call(|r: GetAssociation| crm.associations().get(r.id)),
        "associations.patch" => with.call(|r: PatchAssociation| crm.associations().patch(r)),
        "associations.related" => with.call(|r: FindRelated| crm.associations().related(&r)),
        "associations.restore" => {
            with.call(|r: RestoreAssociation| crm.associations().restore(r.id, r.expected_version))
        }
        "associations.walk" => with.call(|r: WalkAssociations| crm.associations().walk(&r)),
        "attributes.archive" => with
            .call(|r: AttributeName| crm.types().archive_attribute(&r.entity_type, &r.attribute)),
        "attributes.define" => with
            .call(|r: DefineAttribute| crm.types().define_attribute(&r.entity_type, r.attribute)),
        "attributes.restore" => with
            .call(|r: AttributeName| crm.types().restore_attribute(&r.entity_type, &r.attribute)),
        "changes.cloud_events" => with.call(|r: ListChanges| crm.journal().cloud_events(&r)),
        "changes.list" => with.call(|r: ListChanges| crm.journal().changes(&r)),
        "channels.define" => with.call(|r: Channel| crm.consents().define_channel(r)),
        "conditions.check" => with.call(|r: CheckCondition| crm.check_condition(&r)),
        "conditions.evaluate" => with.call(|r: EvaluateCondition| crm.evaluate_condition(&r)),
        "conditions.explain" => with.call(|r: ExplainCondition| crm.explain_condition(&r)),
        "consents.check_proof" => with.call(|r: CheckProof| crm.consents().check_proof(&r)),
        "consents.confirm" => with.call(|r: ConfirmConsent| crm.consents().confirm(r)),
        "consents.decide" => with.call(|r: MayContact| crm.consents().decide(&r)),
        "consents.decide_many" => with.call(|r: DecideMany| crm.consents().decide_many(&r)),
        "consents.definitions" => with.call(|_: Empty| crm.consents().definitions()),
        "consents.history" => with.call(|r: GetConsents| crm.consents().history(&r)),
        "consents.link" => with.call(|r: LinkPeople| crm.consents().link(&r)),
        "consents.linked" => with.call(|r: GetLinkedPeople| crm.consents().linked(&r)),
        "consents.preferences" => with.call(|r: GetPreferences| crm.consents().preferences(&r)),
        "consents.prove" => with.call(|r: ProveDecision| crm.consents().prove(&r)),
        "consents.receipt" => with.call(|r: GetReceipt| crm.consents().receipt(&r)),
        "consents.record" => with.call(|r: NewConsent| crm.consents().record(r)),
        "consents.record_many" => with.call(|r: RecordConsents| crm.consents().record_many(r)),
        "consents.record_use" => with.call(|r: UseConsent| crm.consents().record_use(r)),
        "consents.record_uses" => with.call(|r: RecordConsentUses| crm.consents().record_uses(r)),
        "consents.request" => with.call(|r: RequestConsent| crm.consents().request(r)),
        "consents.set_preferences" => {
            with.call(|r: SetPreferences| crm.consents().set_preferences(r))
        }
        "consents.sweep" => with.call(|r: SweepConsents| crm.consents().sweep(&r)),
        "consents.unlink" => with.call(|r: LinkPeople| crm.consents().unlink(&r)),
        "consents.unsubscribe" => with.call(|r: Unsubscribe| crm.consents().unsubscribe(r)),
        "consents.unsubscribe_link" => {
            with.call(|r: NewUnsubscribeLink| crm.consents().unsubscribe_link(r))
        }
        "consumers.acknowledge" => {
            with.call(|r: AcknowledgeChanges| crm.journal().acknowledge(&r.consumer, r.seq))
        }
        "consumers.list" => with.call(|_: Empty| crm.journal().consumers()),
        "consumers.remove" => with
            .call(|r: ConsumerName| crm.journal().remove_consumer(&r.consumer).map(|()| Empty {})),
        "csv.export" => with.call(|r: ExportCsv| crm.export_csv(&r, watch)),
        "csv.import" => with.call(|r: ImportCsv| crm.import_csv(&r, watch)),
        "csv.propose" => with.call(|r: ProposeMapping| crm.propose_mapping(&r)),
        "database.backup" => with.call(|r: BackupTo| crm.backup_to(&r, watch).map(|()| Empty {})),
        "database.compact" => with.call(|_: Empty| crm.compact().map(|()| Empty {})),
        "database.info" => with.call(|_: Empty| crm.info()),
        "database.restore" => with.call(|r: RestoreTo| crm.restore_to(&r, watch)),
        "database.set_clock" => with.call(|r: SetClock| crm.set_clock(r.to)),
        "database.sql" => with.call(|r: RunSql| crm.sql(&r)),
        "database.stats" => with.call(|_: Empty| crm.stats()),
        "database.verify" => with.call(|_: Empty| crm.verify(watch)),
        "files.add" => with.call(|r: AddFile| crm.files().add(&r)),
        "files.read" => with.call(|r: ReadFile| crm.files().read(&r.hash, r.offset, r.length)),
        "journal.head" => with.call(|_: Empty| crm.journal().head()),
        "journal.prove" => with.call(|r: ProveChanges| crm.journal().prove(&r)),
        "journal.verify" => with.call(|r: VerifyJournal| crm.journal().verify(&r, watch)),
        "learned_scores.archive" => {
            with.call(|r: LearnedScoreName| crm.learned_scores().archive(&r))
        }
        "learned_scores.backtest" => {
            with.call(|r: BacktestScore| crm.learned_scores().backtest(&r, watch))
        }
        "learned_scores.explain" => {
            with.call(|r: ExplainLearnedScore| crm.learned_scores().explain(&r))
        }
        "learned_scores.find_leaks" => {
            with.call(|r: TrainLearnedScore| crm.learned_scores().find_leaks(&r, watch))
        }
        "learned_scores.get" => with.call(|r: GetLearnedScore| crm.learned_scores().get(&r)),
        "learned_scores.list" => with.call(|_: Empty| crm.learned_scores().list()),
        "learned_scores.rank" => with.call(|r: RankRecords| crm.learned_scores().rank(&r, watch)),
        "learned_scores.restore" => {
            with.call(|r: LearnedScoreName| crm.learned_scores().restore(&r))
        }
        "learned_scores.train" => {
            with.call(|r: TrainLearnedScore| crm.learned_scores().train(&r, watch))
        }
        "lifecycles.acceptance" => with.call(|r: GetAcceptance| crm.lifecycles().acceptance(&r)),
        "lifecycles.archive" => {
            with.call(|r: LifecycleName| crm.lifecycles().archive(&r.lifecycle))
        }
        "lifecycles.define" => with.call(|r: DefineLifecycle| crm.lifecycles().define(r)),
        "lifecycles.define_preset" => {
            with.call(|r: DefineLifecyclePreset| crm.lifecycles().define_preset(r.preset))
        }
        "lifecycles.draw" => with.call(|r: DrawLifecycle| crm.lifecycles().draw(&r)),
        "lifecycles.explain" => with.call(|r: ExplainStage| crm.lifecycles().explain(&r)),
        "lifecycles.flywheel" => with.call(|r: GetFlywheel| crm.lifecycles().flywheel(&r)),
        "lifecycles.funnel" => with.call(|r: GetFunnel| crm.lifecycles().funnel(&r)),
        "lifecycles.get" => with.call(|r: GetLifecycle| crm.lifecycles().get_version(&r)),
        "lifecycles.history" => with.call(|r: GetLifecycleHistory| crm.lifecycles().history(&r)),
        "lifecycles.list" => with.call(|_: Empty| crm.lifecycles().list()),
        "lifecycles.move" => with.call(|r: MoveStage| crm.lifecycles().move_to(r)),
        "lifecycles.reset" => with.call(|r: ResetStage| crm.lifecycles().reset(r)),
        "lifecycles.restore" => {
            with.call(|r: LifecycleName| crm.lifecycles().restore(&r.lifecycle))
        }
        "lifecycles.stuck" => with.call(|r: FindStuck| crm.lifecycles().stuck(&r)),
        "lifecycles.times" => with.call(|r: GetStageTimes| crm.lifecycles().times(&r)),
        "notices.get" => with.call(|r: GetNotice| crm.consents().notice(&r)),
        "notices.publish" => with.call(|r: PublishNotice| crm.consents().publish_notice(r)),
        "parties.define" => with.call(|r: Party| crm.consents().define_party(r)),
        "policies.define" => with.call(|r: ConsentPolicy| crm.consents().define_policy(r)),
        "privacy.access" => with.call(|r: AccessData| crm.privacy().access(&r, watch)),
        "privacy.apply_erasures" => with.call(|r: ApplyErasures| crm.privacy().apply_erasures(&r)),
        "privacy.define_retention" => with.call(|r: Retention| crm.privacy().define_retention(r)),
        "privacy.due_for_review" => {
            with.call(|r: ListDueForReview| crm.privacy().due_for_review(&r))
        }
        "privacy.erase" => with.call(|r: EraseSubject| crm.privacy().erase(&r)),
        "privacy.erasures" => with.call(|r: ListErasures| crm.privacy().erasures(&r)),
        "privacy.lift_suppression" => {
            with.call(|r: LiftSuppression| crm.privacy().lift_suppression(&r))
        }
        "privacy.plan_erasure" => with.call(|r: PlanErasure| crm.privacy().plan_erasure(&r)),
        "privacy.proofs" => with.call(|r: ListProofs| crm.privacy().proofs(&r)),
        "privacy.register" => with.call(|r: GetRegister| crm.privacy().register(&r)),
        "privacy.remove_retention" => {
            with.call(|r: RetentionName| crm.privacy().remove_retention(&r.retention))
        }
        "privacy.retentions" => with.call(|_: Empty| crm.privacy().retentions()),
        "purposes.define" => with.call(|r: Purpose| crm.consents().define_purpose(r)),
        "query.group" => with.call(|r: GroupRecords| crm.group_records(&r)),
        "query.pivot" => with.call(|r: PivotRecords| crm.pivot_records(&r)),
        "query.select" => with.call(|r: SelectRows| crm.select_rows(&r)),
        "imports.apply" => with.call(|r: ApplyPlan| crm.imports().apply(&r.plan, watch)),
        "imports.get" => with.call(|r: ImportName| crm.imports().get(r.id)),
        "imports.list" => with.call(|r: ListImports| crm.imports().list(&r)),
        "imports.plan" => with.call(|r: PlanImport| crm.imports().plan(&r, watch)),
        "imports.plan_rows" => with.call(|r: ListPlanRows| crm.imports().plan_rows(&r, watch)),
        "imports.resume" => with.call(|r: ResumeImport| crm.imports().resume(r.id, &r.plan, watch)),
        "imports.revert" => with.call(|r: ImportName| crm.imports().revert(r.id, watch)),
        "records.apply" => with.call(|r: ApplyChanges| crm.apply(r)),
        "records.archive" => with
            .call(|r: ArchiveRecord| crm.records(&r.entity_type).archive(r.id, r.expected_version)),
        "records.audit" => with.call(|r: AuditRecords| crm.audit_records(&r, watch)),
        "records.count" => with.call(|r: CountRecords| crm.count_records(&r)),
        "records.create" => {
            with.call(|r: CreateRecord| crm.records(&r.entity_type).create(r.values))
        }
        "records.get" => with.call(|r: GetRecord| crm.records(&r.entity_type).get(r.id)),
        "records.get_by" => {
            with.call(|r: GetRecordBy| crm.records(&r.entity_type).get_by(&r.attribute, r.value))
        }
        "records.get_many" => with.call(|r: GetManyRecords| {
            crm.records(&r.entity_type).get_many(r.attribute.as_deref(), r.keys)
        }),
        "records.history" => with.call(|r: GetHistory| crm.journal().history(&r)),
        "records.list" => with.call(|r: ListRecords| crm.list_records(&r)),
        "records.patch" => with.call(|r: PatchRecord| match r.expected_version {
            None => crm.records(&r.entity_type).patch(r.id, r.values),
            version => crm.records(&r.entity_type).patch_expecting(r.id, r.values, version),
        }),
        "records.restore" => with
            .call(|r: RestoreRecord| crm.records(&r.entity_type).restore(r.id, r.expected_version)),
        "records.upsert" => {
            with.call(|r: UpsertRecord| crm.records(&r.entity_type).upsert(&r.key, r.values))
        }
        "rules.archive" => with.call(|r: RuleName| crm.rules().archive(&r.rule)),
        "rules.define" => with.call(|r: DefineRule| crm.rules().define(r)),
        "rules.get" => with.call(|r: GetRule| crm.rules().get_version(&r)),
        "rules.list" => with.call(|_: Empty| crm.rules().list()),
        "rules.restore" => with.call(|r: RuleName| crm.rules().restore(&r.rule)),
        "rules.runs" => with.call(|r: ListRuleRuns| crm.rules().runs(&r)),
        "rules.simulate" => with.call(|r: SimulateRule| crm.rules().simulate(&r)),
        "scores.add_points" => with.call(|r: AddScorePoints| crm.scores().add_points(&r)),
        "scores.clone" => with.call(|r: CloneScore| crm.scores().clone_as(&r)),
        "scores.define" => with.call(|r: DefineScore| crm.scores().define(r)),
        "scores.define_preset" => {
            with.call(|r: DefineScorePreset| crm.scores().define_preset(r.preset))
        }
        "scores.explain" => with.call(|r: ReadScore| crm.scores().explain(&r)),
        "scores.get" => with.call(|r: GetScore| crm.scores().get(&r)),
        "scores.history" => with.call(|r: GetScoreHistory| crm.scores().history(&r)),
        "scores.list" => with.call(|_: Empty| crm.scores().list()),
        "scores.publish" => with.call(|r: ScoreName| crm.scores().publish(&r.model)),
        "scores.ranking" => with.call(|r: RankScores| crm.scores().ranking(&r)),
        "scores.read" => with.call(|r: ReadScore| crm.scores().read(&r)),
        "scores.rescore" => with.call(|r: ScoreName| crm.scores().rescore(&r.model)),
        "scores.retire" => with.call(|r: ScoreName| crm.scores().retire(&r.model)),
        "search.find" => with.call(|r: SearchText| crm.search(&r)),
        "segments.add_members" => with.call(|r: ChangeMembers| crm.segments().add_members(&r)),
        "segments.archive" => with.call(|r: SegmentName| crm.segments().archive(&r.segment)),
        "segments.define" => with.call(|r: DefineSegment| crm.segments().define(r)),
        "segments.estimate" => with.call(|r: EstimateSegment| crm.segments().estimate(&r)),
        "segments.explain" => with.call(|r: ExplainMember| crm.segments().explain(&r)),
        "segments.get" => with.call(|r: SegmentName| crm.segments().get(&r.segment)),
        "segments.list" => with.call(|_: Empty| crm.segments().list()),
        "segments.members" => with.call(|r: ListMembers| crm.segments().members(&r)),
        "segments.overlap" => with.call(|r: OverlapSegments| crm.segments().overlap(&r)),
        "segments.refresh" => with.call(|r: SegmentName| crm.segments().refresh(&r.segment, watch)),
        "segments.remove_members" => {
            with.call(|r: ChangeMembers| crm.segments().remove_members(&r))
        }
        "segments.restore" => with.call(|r: SegmentName| crm.segments().restore(&r.segment)),
        "segments.sizes" => with.call(|r: GetSegmentSizes| crm.segments().sizes(&r)),
        "timeline.list" => with.call(|r: ListTimeline| crm.timeline(&r)),
        "timers.next" => with.call(|_: Empty| crm.timers().next()),
        "timers.simulate" => with.call(|r: SimulateTimers| crm.timers().simulate(&r, watch)),
        "timers.tick" => with.call(|r: TickTimers| crm.timers().tick(&r, watch)),
        "types.archive" => with.call(|r: TypeName| crm.types().archive(&r.entity_type)),
        "types.define" => with.call(|r: DefineType| crm.types().define(r)),
        "types.define_preset" => with.call(|r: DefinePreset| crm.types().define_preset(r.preset)),
        "types.get" => with.call(|r: TypeName| crm.types().get(&r.entity_type)),
        "types.list" => with.call(|_: Empty| crm.types().list()),
        "types.restore" => with.call(|r: TypeName| crm.types().restore(&r.entity_type)),
        "vcard.export" => with.call(|r: ExportVcard| crm.export_vcard(&r, watch)),
        "vcard.import" => with.call(|r: ImportVcard| crm.import_vcard(&r, watch)),
        "views.archive" => with.call(|r: ViewName| crm.views().archive(&r.name)),
        "views.get" => with.call(|r: ViewName| crm.views().get(&r.name)),
        "views.list" => with.call(|_: Empty| crm.views().list()),
        "views.restore" => with.call(|r: ViewName| crm.views().restore(&r.name)),
        "views.run" => with.call(|r: RunView| crm.views().run(&r)),
        "views.save" => with.call(|r: SaveView| crm.views().save(r)),
        _ => return None,
    })
}

struct Input<'a> {
    operation: &'a str,
    request: &'a Json,
}

impl Input<'_> {
    fn call<T, R>(&self, run: impl FnOnce(T) -> crm_core::Result<R>) -> Answer
    where
        T: DeserializeOwned,
        R: Serialize,
    {
        let request = serde_json::from_value(self.request.clone());
        // A request that the types cannot express, such as an id that is none, fails before the
        // call; the error is the one that callers by name get.
        let request = request.map_err(|_| {
            let json = self.request.to_string();
            Request::from_json(self.operation, json.as_bytes()).expect_err("neither can it be read")
        })?;
        let response = run(request)?;
        Ok(serde_json::to_value(response).expect("every response is JSON"))
    }
}
