//! The rows of the operation table, in the order of their names.

/// Hands the rows of the operation table to the macro `$callback`, so that a binding can make one
/// method of each.
///
/// A row reads: doc comment, mode, name, variant, method `(request) -> response`, `=`, and the
/// function that runs it.
#[macro_export]
macro_rules! for_each_operation {
    ($callback:ident) => {
        $callback! {
            /// Reads an activity, whether or not it is superseded.
            read "activities.get" ActivitiesGet get_activity(GetActivity) -> Activity
                = |crm, r, _| crm.activities().get(r.id);
            /// Says whose record a visitor is: all of its activities, past and future, are of that record.
            write "activities.identify" ActivitiesIdentify identify_visitor(IdentifyVisitor) -> Visitor
                = |crm, r, _| crm.activities().identify(&r);
            /// Reads a page of activities of a record or a visitor, the latest first, or the one of a key.
            read "activities.list" ActivitiesList list_activities(ListActivities) -> ActivityPage
                = |crm, r, _| crm.activities().list(&r);
            /// Records an activity, once for each key; a correction supersedes an earlier one.
            write "activities.record" ActivitiesRecord record_activity(NewActivity) -> RecordedActivity
                = |crm, r, _| crm.activities().record(r);
            /// Records several activities in one transaction and says for each what became of it.
            write "activities.record_many" ActivitiesRecordMany record_activities(RecordActivities) -> ActivityReport
                = |crm, r, _| crm.activities().record_many(r);
            /// Takes back whose record a visitor is: its activities are nobody's again.
            write "activities.release" ActivitiesRelease release_visitor(ReleaseVisitor) -> Visitor
                = |crm, r, _| crm.activities().release(&r.visitor);
            /// Archives a kind of activity: its activities stay and count, and no more are recorded.
            write "activity_kinds.archive" ActivityKindsArchive archive_activity_kind(ActivityKindName) -> ActivityKind
                = |crm, r, _| crm.activity_kinds().archive(&r.kind);
            /// Defines a kind of activity with its properties, or changes one.
            write "activity_kinds.define" ActivityKindsDefine define_activity_kind(DefineActivityKind) -> ActivityKind
                = |crm, r, _| crm.activity_kinds().define(r);
            /// Defines one of the ready-made kinds of activities.
            write "activity_kinds.define_preset" ActivityKindsDefinePreset define_activity_preset(DefineActivityPreset) -> ActivityKind
                = |crm, r, _| crm.activity_kinds().define_preset(r.preset);
            /// Reads the definition of a kind of activity.
            read "activity_kinds.get" ActivityKindsGet get_activity_kind(ActivityKindName) -> ActivityKind
                = |crm, r, _| crm.activity_kinds().get(&r.kind);
            /// Reads the definitions of all kinds of activities.
            read "activity_kinds.list" ActivityKindsList list_activity_kinds(Empty) -> Vec<ActivityKind>
                = |crm, _, _| crm.activity_kinds().list();
            /// Takes a kind of activity out of the archive.
            write "activity_kinds.restore" ActivityKindsRestore restore_activity_kind(ActivityKindName) -> ActivityKind
                = |crm, r, _| crm.activity_kinds().restore(&r.kind);
            /// Archives a type of associations: its associations stay readable, writes are refused.
            write "association_types.archive" AssociationTypesArchive archive_association_type(AssociationTypeName) -> AssociationType
                = |crm, r, _| crm.association_types().archive(&r.association_type);
            /// Defines a type of associations, or changes one as far as the associations in use allow.
            write "association_types.define" AssociationTypesDefine define_association_type(DefineAssociationType) -> AssociationType
                = |crm, r, _| crm.association_types().define(r);
            /// Defines one of the ready-made types of associations.
            write "association_types.define_preset" AssociationTypesDefinePreset define_association_preset(DefineAssociationPreset) -> AssociationType
                = |crm, r, _| crm.association_types().define_preset(r.preset);
            /// Reads the definition of a type of associations.
            read "association_types.get" AssociationTypesGet get_association_type(AssociationTypeName) -> AssociationType
                = |crm, r, _| crm.association_types().get(&r.association_type);
            /// Reads the definitions of all types of associations.
            read "association_types.list" AssociationTypesList list_association_types(Empty) -> Vec<AssociationType>
                = |crm, _, _| crm.association_types().list();
            /// Takes a type of associations out of the archive.
            write "association_types.restore" AssociationTypesRestore restore_association_type(AssociationTypeName) -> AssociationType
                = |crm, r, _| crm.association_types().restore(&r.association_type);
            /// Adds an association between two records and returns it with its id.
            write "associations.add" AssociationsAdd add_association(AddAssociation) -> Association
                = |crm, r, _| crm.associations().add(r);
            /// Archives an association: it stays readable, and no longer counts.
            write "associations.archive" AssociationsArchive archive_association(ArchiveAssociation) -> Association
                = |crm, r, _| crm.associations().archive(r.id, r.expected_version);
            /// Reads an association by id.
            read "associations.get" AssociationsGet get_association(GetAssociation) -> Association
                = |crm, r, _| crm.associations().get(r.id);
            /// Changes role, primary flag, validity or values of an association; null clears, what
            /// is left out stays.
            write "associations.patch" AssociationsPatch patch_association(PatchAssociation) -> Association
                = |crm, r, _| crm.associations().patch(r);
            /// Reads a page of what a record is associated with, on a day, in one direction or both.
            read "associations.related" AssociationsRelated find_related(FindRelated) -> AssociationPage
                = |crm, r, _| crm.associations().related(&r);
            /// Takes an association out of the archive, if what was added meanwhile leaves room for it.
            write "associations.restore" AssociationsRestore restore_association(RestoreAssociation) -> Association
                = |crm, r, _| crm.associations().restore(r.id, r.expected_version);
            /// Follows associations of one type from record to record, breadth first: up or down a hierarchy.
            read "associations.walk" AssociationsWalk walk_associations(WalkAssociations) -> AssociationWalk
                = |crm, r, _| crm.associations().walk(&r);
            /// Archives an attribute: its values stay in the file and in the history, and are no
            /// longer shown or written.
            write "attributes.archive" AttributesArchive archive_attribute(AttributeName) -> EntityType
                = |crm, r, _| crm.types().archive_attribute(&r.entity_type, &r.attribute);
            /// Adds an attribute to an entity type, or changes one as far as the stored records allow.
            write "attributes.define" AttributesDefine define_attribute(DefineAttribute) -> EntityType
                = |crm, r, _| crm.types().define_attribute(&r.entity_type, r.attribute);
            /// Takes an attribute out of the archive, with the values that it had.
            write "attributes.restore" AttributesRestore restore_attribute(AttributeName) -> EntityType
                = |crm, r, _| crm.types().restore_attribute(&r.entity_type, &r.attribute);
            /// Reads the journal as CloudEvents 1.0 in JSON, with ids by which a receiver leaves
            /// out what it has already.
            read "changes.cloud_events" ChangesCloudEvents list_cloud_events(ListChanges) -> CloudEventPage
                = |crm, r, _| crm.journal().cloud_events(&r);
            /// Reads the journal: every change of the file, in order, by pages.
            read "changes.list" ChangesList list_changes(ListChanges) -> ChangePage
                = |crm, r, _| crm.journal().changes(&r);
            /// Defines a way to reach people, or changes one.
            write "channels.define" ChannelsDefine define_channel(Channel) -> Channel
                = |crm, r, _| crm.consents().define_channel(r);
            /// Checks a condition against an entity type and returns it in normal form, as JSON and as text.
            read "conditions.check" ConditionsCheck check_condition(CheckCondition) -> CheckedCondition
                = |crm, r, _| crm.check_condition(&r);
            /// Says whether a condition is true for a record, and of each question in it why.
            read "conditions.evaluate" ConditionsEvaluate evaluate_condition(EvaluateCondition) -> ConditionAnswer
                = |crm, r, _| crm.evaluate_condition(&r);
            /// Shows the SQL of a condition, how SQLite goes about it, about how many records it
            /// finds, and for one record whether and why.
            read "conditions.explain" ConditionsExplain explain_condition(ExplainCondition) -> ConditionPlan
                = |crm, r, _| crm.explain_condition(&r);
            /// Checks a proof of a decision by itself, without the file that it is about.
            read "consents.check_proof" ConsentsCheckProof check_proof(CheckProof) -> CheckedProof
                = |crm, r, _| crm.consents().check_proof(&r);
            /// Confirms a double opt-in with the secret of its message.
            write "consents.confirm" ConsentsConfirm confirm_consent(ConfirmConsent) -> ConsentEvent
                = |crm, r, _| crm.consents().confirm(r);
            /// Says whether somebody may be contacted through a channel for a purpose, with every
            /// reason and its evidence.
            read "consents.decide" ConsentsDecide may_contact(MayContact) -> ConsentDecision
                = |crm, r, _| crm.consents().decide(&r);
            /// Says for a page of records whether they may be contacted, with the reasons.
            read "consents.decide_many" ConsentsDecideMany may_contact_many(DecideMany) -> ManyDecisions
                = |crm, r, _| crm.consents().decide_many(&r);
            /// Reads all that the ledger of consent is about: channels, parties, purposes, policies
            /// and versions of texts.
            read "consents.definitions" ConsentsDefinitions list_consent_definitions(Empty) -> ConsentDefinitions
                = |crm, _, _| crm.consents().definitions();
            /// Reads the ledger of a person, oldest first, with the proof of each event.
            read "consents.history" ConsentsHistory get_consent_history(GetConsents) -> ConsentHistory
                = |crm, r, _| crm.consents().history(&r);
            /// Says of two records that they are one person: what restricts one restricts the other.
            write "consents.link" ConsentsLink link_people(LinkPeople) -> LinkedPeople
                = |crm, r, _| crm.consents().link(&r);
            /// Reads the links by which a record is the same person as others.
            read "consents.linked" ConsentsLinked get_linked_people(GetLinkedPeople) -> LinkedPeople
                = |crm, r, _| crm.consents().linked(&r);
            /// Reads what a person may choose in a preference centre, and has chosen.
            read "consents.preferences" ConsentsPreferences get_preferences(GetPreferences) -> Preferences
                = |crm, r, _| crm.consents().preferences(&r);
            /// Makes the proof of a decision: the decision, its events, the texts that were shown,
            /// and the chain of the journal up to its head.
            read "consents.prove" ConsentsProve prove_decision(ProveDecision) -> ConsentProof
                = |crm, r, _| crm.consents().prove(&r);
            /// Makes a receipt of what a person allowed: ISO/IEC TS 27560 as JSON-LD, or Kantara 1.1.
            read "consents.receipt" ConsentsReceipt make_receipt(GetReceipt) -> ConsentReceipt
                = |crm, r, _| crm.consents().receipt(&r);
            /// Records what a person allows, refuses or takes back, a legal basis, a restriction or a pause.
            write "consents.record" ConsentsRecord record_consent(NewConsent) -> ConsentEvent
                = |crm, r, _| crm.consents().record(r);
            /// Records several events of consent in one transaction and says for each what became of it.
            write "consents.record_many" ConsentsRecordMany record_consents(RecordConsents) -> ConsentReport
                = |crm, r, _| crm.consents().record_many(r);
            /// Records that somebody was contacted as it was decided; refused if the ledger has
            /// changed since.
            write "consents.record_use" ConsentsRecordUse record_consent_use(UseConsent) -> ConsentEvent
                = |crm, r, _| crm.consents().record_use(r);
            /// Records of several people that they were contacted, with the token of each, in one
            /// transaction, and says for each what became of it.
            write "consents.record_uses" ConsentsRecordUses record_consent_uses(RecordConsentUses) -> ConsentReport
                = |crm, r, _| crm.consents().record_uses(r);
            /// Begins a double opt-in and answers with the secret for the message.
            write "consents.request" ConsentsRequest request_consent(RequestConsent) -> ConsentRequest
                = |crm, r, _| crm.consents().request(r);
            /// Records what a person chose in a preference centre, as far as it differs from before.
            write "consents.set_preferences" ConsentsSetPreferences set_preferences(SetPreferences) -> Preferences
                = |crm, r, _| crm.consents().set_preferences(r);
            /// Erases the double opt-ins that nobody confirmed in time.
            write "consents.sweep" ConsentsSweep sweep_consents(SweepConsents) -> SweptConsents
                = |crm, r, _| crm.consents().sweep(&r);
            /// Takes back that two records are one person; what held for each before holds again.
            write "consents.unlink" ConsentsUnlink unlink_people(LinkPeople) -> LinkedPeople
                = |crm, r, _| crm.consents().unlink(&r);
            /// Follows a one-click link: a POST withdraws, a GET only says what it would withdraw.
            write "consents.unsubscribe" ConsentsUnsubscribe unsubscribe(Unsubscribe) -> Unsubscribed
                = |crm, r, _| crm.consents().unsubscribe(r);
            /// Makes a link by which one click withdraws, with the headers of RFC 8058.
            write "consents.unsubscribe_link" ConsentsUnsubscribeLink make_unsubscribe_link(NewUnsubscribeLink) -> UnsubscribeLink
                = |crm, r, _| crm.consents().unsubscribe_link(r);
            /// Says up to where a consumer has taken the changes; it goes on from there, and reads
            /// again what it did not acknowledge.
            write "consumers.acknowledge" ConsumersAcknowledge acknowledge_changes(AcknowledgeChanges) -> Consumer
                = |crm, r, _| crm.journal().acknowledge(&r.consumer, r.seq);
            /// Lists the consumers of the changes, and how far behind each is.
            read "consumers.list" ConsumersList list_consumers(Empty) -> Vec<Consumer>
                = |crm, _, _| crm.journal().consumers();
            /// Forgets a consumer: whoever reads in its name later begins at the beginning.
            write "consumers.remove" ConsumersRemove remove_consumer(ConsumerName) -> Empty
                = |crm, r, _| crm.journal().remove_consumer(&r.consumer).map(|()| Empty {});
            /// Writes records as a CSV table.
            job "csv.export" CsvExport export_csv(ExportCsv) -> ExportReport
                = |crm, r, watch| crm.export_csv(&r, watch);
            /// Reads a CSV table into records and reports every cell that does not fit.
            job "csv.import" CsvImport import_csv(ImportCsv) -> ImportReport
                = |crm, r, watch| crm.import_csv(&r, watch);
            /// Proposes which column of a CSV table goes into which attribute.
            read "csv.propose" CsvPropose propose_mapping(ProposeMapping) -> MappingProposal
                = |crm, r, _| crm.propose_mapping(&r);
            /// Copies the file to another place while others read and write.
            job "database.backup" DatabaseBackup backup_to(BackupTo) -> Empty
                = |crm, r, watch| crm.backup_to(&r, watch).map(|()| Empty {});
            /// Rewrites the file without free space.
            write "database.compact" DatabaseCompact compact(Empty) -> Empty
                = |crm, _, _| crm.compact().map(|()| Empty {});
            /// Says which engine this is.
            read "database.info" DatabaseInfo info(Empty) -> EngineInfo
                = |crm, _, _| crm.info();
            /// Makes a new file of a backup, in which everybody is erased whom this file knows to be.
            job "database.restore" DatabaseRestore restore_to(RestoreTo) -> Restored
                = |crm, r, watch| crm.restore_to(&r, watch);
            /// Sets the clock of a handle that was opened with `replay`: forward only. Nothing
            /// falls due by this alone; `timers.tick` does what is due.
            read "database.set_clock" DatabaseSetClock set_clock(SetClock) -> ClockReading
                = |crm, r, _| crm.set_clock(r.to);
            /// Runs one read-only SQL statement, with a limit of rows and time.
            read "database.sql" DatabaseSql sql(RunSql) -> SqlResult
                = |crm, r, _| crm.sql(&r);
            /// Reads sizes and counts of the file.
            read "database.stats" DatabaseStats stats(Empty) -> DatabaseStats
                = |crm, _, _| crm.stats();
            /// Checks the file, and that every record, activity and association is what the journal
            /// says of it.
            job "database.verify" DatabaseVerify verify(Empty) -> VerifyReport
                = |crm, _, watch| crm.verify(watch);
            /// Stores bytes once by their content, and returns the reference that an attribute of
            /// kind file takes.
            write "files.add" FilesAdd add_file(AddFile) -> FileRef
                = |crm, r, _| crm.files().add(&r);
            /// Reads a piece of stored bytes.
            read "files.read" FilesRead read_file(ReadFile) -> FilePiece
                = |crm, r, _| crm.files().read_piece(&r);
            /// Carries out a plan, and remembers what it did so that it can be gone on with and taken back.
            job "imports.apply" ImportsApply apply_plan(ApplyPlan) -> ImportRun
                = |crm, r, watch| crm.imports().apply(&r.plan, watch);
            /// Reads how far an import is, and what it did.
            read "imports.get" ImportsGet get_import(ImportName) -> Import
                = |crm, r, _| crm.imports().get(r.id);
            /// Reads a page of imports, the newest first.
            read "imports.list" ImportsList list_imports(ListImports) -> ImportPage
                = |crm, r, _| crm.imports().list(&r);
            /// Says what would come of an import, without writing anything.
            job "imports.plan" ImportsPlan plan_import(PlanImport) -> ImportPlan
                = |crm, r, watch| crm.imports().plan(&r, watch);
            /// Works out a page of rows of a plan: decision, record, and each value with what it is now.
            job "imports.plan_rows" ImportsPlanRows list_plan_rows(ListPlanRows) -> PlannedRows
                = |crm, r, watch| crm.imports().plan_rows(&r, watch);
            /// Goes on with an import that was cancelled or cut short, exactly after the last row
            /// that was committed.
            job "imports.resume" ImportsResume resume_import(ResumeImport) -> ImportRun
                = |crm, r, watch| crm.imports().resume(r.id, &r.plan, watch);
            /// Takes an import back, except for what others changed since, which is listed.
            job "imports.revert" ImportsRevert revert_import(ImportName) -> RevertReport
                = |crm, r, watch| crm.imports().revert(r.id, watch);
            /// The end of the journal: what somebody keeps elsewhere to tell later whether
            /// something up to there was changed.
            read "journal.head" JournalHead journal_head(Empty) -> JournalHead
                = |crm, _, _| crm.journal().head();
            /// Proves that changes stand in the journal as they are shown, to somebody who knows a head.
            read "journal.prove" JournalProve prove_changes(ProveChanges) -> JournalProof
                = |crm, r, _| crm.journal().prove(&r);
            /// Follows the chain of the journal: what is whole, what was erased, where it is
            /// broken, and whether it leads through a head that was kept.
            job "journal.verify" JournalVerify verify_journal(VerifyJournal) -> JournalReport
                = |crm, r, watch| crm.journal().verify(&r, watch);
            /// Archives a learned score with all versions: it stays readable, and nothing is scored with it.
            write "learned_scores.archive" LearnedScoresArchive archive_learned_score(LearnedScoreName) -> LearnedScore
                = |crm, r, _| crm.learned_scores().archive(&r);
            /// Scores records as of a moment and holds that beside what came until a later one, for
            /// one score or two.
            job "learned_scores.backtest" LearnedScoresBacktest backtest_score(BacktestScore) -> ScoreBacktest
                = |crm, r, watch| crm.learned_scores().backtest(&r, watch);
            /// Says why a record has its learned score: what each feature adds to the log-odds,
            /// which adds up exactly.
            read "learned_scores.explain" LearnedScoresExplain explain_learned_score(ExplainLearnedScore) -> LearnedExplanation
                = |crm, r, _| crm.learned_scores().explain(&r);
            /// Says of each feature what it alone tells of the outcome, and which were filled in after it.
            job "learned_scores.find_leaks" LearnedScoresFindLeaks find_leaks(TrainLearnedScore) -> LeakReport
                = |crm, r, watch| crm.learned_scores().find_leaks(&r, watch);
            /// Reads a version of a learned score, with its model and how good it is.
            read "learned_scores.get" LearnedScoresGet get_learned_score(GetLearnedScore) -> LearnedScore
                = |crm, r, _| crm.learned_scores().get(&r);
            /// Reads the latest version of every learned score.
            read "learned_scores.list" LearnedScoresList list_learned_scores(Empty) -> Vec<LearnedScore>
                = |crm, _, _| crm.learned_scores().list();
            /// Scores all records of a type and returns those with the highest probability.
            job "learned_scores.rank" LearnedScoresRank rank_records(RankRecords) -> LearnedRanking
                = |crm, r, watch| crm.learned_scores().rank(&r, watch);
            /// Takes a learned score out of the archive.
            write "learned_scores.restore" LearnedScoresRestore restore_learned_score(LearnedScoreName) -> LearnedScore
                = |crm, r, _| crm.learned_scores().restore(&r);
            /// Learns a score from records and saves it as a new version, unless a feature knows the outcome.
            job "learned_scores.train" LearnedScoresTrain train_learned_score(TrainLearnedScore) -> LearnedScore
                = |crm, r, watch| crm.learned_scores().train(&r, watch);
            /// Says whether those who came to a stage were taken on in time, and lists who was not.
            read "lifecycles.acceptance" LifecyclesAcceptance get_acceptance(GetAcceptance) -> Acceptance
                = |crm, r, _| crm.lifecycles().acceptance(&r);
            /// Archives a lifecycle: records stay where they stand, and are no longer moved.
            write "lifecycles.archive" LifecyclesArchive archive_lifecycle(LifecycleName) -> Lifecycle
                = |crm, r, _| crm.lifecycles().archive(&r.lifecycle);
            /// Defines a lifecycle, or changes one; stages in use that go need one that takes their place.
            write "lifecycles.define" LifecyclesDefine define_lifecycle(DefineLifecycle) -> DefinedLifecycle
                = |crm, r, _| crm.lifecycles().define(r);
            /// Defines one of the ready-made lifecycles.
            write "lifecycles.define_preset" LifecyclesDefinePreset define_lifecycle_preset(DefineLifecyclePreset) -> Lifecycle
                = |crm, r, _| crm.lifecycles().define_preset(r.preset);
            /// Draws a lifecycle, as Mermaid or for Graphviz.
            read "lifecycles.draw" LifecyclesDraw draw_lifecycle(DrawLifecycle) -> Drawing
                = |crm, r, _| crm.lifecycles().draw(&r);
            /// Says why a record stands where it does, and what would move it.
            read "lifecycles.explain" LifecyclesExplain explain_stage(ExplainStage) -> StageExplanation
                = |crm, r, _| crm.lifecycles().explain(&r);
            /// Says what part of the new customers came by existing ones, and where the way to
            /// becoming one rubs.
            read "lifecycles.flywheel" LifecyclesFlywheel get_flywheel(GetFlywheel) -> Flywheel
                = |crm, r, _| crm.lifecycles().flywheel(&r);
            /// Counts how many reach each stage, go on, are lost or wait, and how long they take.
            read "lifecycles.funnel" LifecyclesFunnel get_funnel(GetFunnel) -> Funnel
                = |crm, r, _| crm.lifecycles().funnel(&r);
            /// Reads the definition of a lifecycle.
            read "lifecycles.get" LifecyclesGet get_lifecycle(GetLifecycle) -> Lifecycle
                = |crm, r, _| crm.lifecycles().get_version(&r);
            /// Reads where a record stands, how it came there, and which automatic moves were not made.
            read "lifecycles.history" LifecyclesHistory get_lifecycle_history(GetLifecycleHistory) -> LifecycleHistory
                = |crm, r, _| crm.lifecycles().history(&r);
            /// Reads the definitions of all lifecycles.
            read "lifecycles.list" LifecyclesList list_lifecycles(Empty) -> Vec<Lifecycle>
                = |crm, _, _| crm.lifecycles().list();
            /// Moves a record to a later stage, or to one that is lost or beside the way.
            write "lifecycles.move" LifecyclesMove move_stage(MoveStage) -> MovedStage
                = |crm, r, _| crm.lifecycles().move_to(r);
            /// Puts a record back to an earlier stage, for a reason.
            write "lifecycles.reset" LifecyclesReset reset_stage(ResetStage) -> MovedStage
                = |crm, r, _| crm.lifecycles().reset(r);
            /// Takes a lifecycle out of the archive.
            write "lifecycles.restore" LifecyclesRestore restore_lifecycle(LifecycleName) -> Lifecycle
                = |crm, r, _| crm.lifecycles().restore(&r.lifecycle);
            /// Reads a page of records that stand on a stage for too long, the longest first.
            read "lifecycles.stuck" LifecyclesStuck find_stuck(FindStuck) -> StuckPage
                = |crm, r, _| crm.lifecycles().stuck(&r);
            /// Says how long a record stood on each stage: now, last, and altogether.
            read "lifecycles.times" LifecyclesTimes get_stage_times(GetStageTimes) -> StageTimes
                = |crm, r, _| crm.lifecycles().times(&r);
            /// Reads a version of a text that people are shown.
            read "notices.get" NoticesGet get_notice(GetNotice) -> Notice
                = |crm, r, _| crm.consents().notice(&r);
            /// Publishes a text that people are shown; another text is the next version.
            write "notices.publish" NoticesPublish publish_notice(PublishNotice) -> Notice
                = |crm, r, _| crm.consents().publish_notice(r);
            /// Defines a controller or a processor, or changes one.
            write "parties.define" PartiesDefine define_party(Party) -> Party
                = |crm, r, _| crm.consents().define_party(r);
            /// Defines what the law of a place, or the house, asks for before somebody is
            /// contacted, or changes it.
            write "policies.define" PoliciesDefine define_policy(ConsentPolicy) -> ConsentPolicy
                = |crm, r, _| crm.consents().define_policy(r);
            /// Shows a person what the file has of them: everything, or what they gave and did, as
            /// JSON or a table of it as CSV.
            job "privacy.access" PrivacyAccess access_data(AccessData) -> AccessReport
                = |crm, r, watch| crm.privacy().access(&r, watch);
            /// Erases in an older copy of the file whom a list names, in one transaction.
            write "privacy.apply_erasures" PrivacyApplyErasures apply_erasures(ApplyErasures) -> AppliedErasures
                = |crm, r, _| crm.privacy().apply_erasures(&r);
            /// Defines how long records of a type are kept, for a purpose or in general, or changes it.
            write "privacy.define_retention" PrivacyDefineRetention define_retention(Retention) -> Retention
                = |crm, r, _| crm.privacy().define_retention(r);
            /// Reads a page of the records that were kept for as long as the retention rules say;
            /// what becomes of them the host decides.
            read "privacy.due_for_review" PrivacyDueForReview list_due_for_review(ListDueForReview) -> ReviewPage
                = |crm, r, _| crm.privacy().due_for_review(&r);
            /// Erases a person, with all that the file and its journal say, in one transaction.
            write "privacy.erase" PrivacyErase erase_subject(EraseSubject) -> Erasure
                = |crm, r, _| crm.privacy().erase(&r);
            /// Reads who was erased, as random ids and keyed hashes, to be kept beside backups.
            read "privacy.erasures" PrivacyErasures list_erasures(ListErasures) -> ErasureList
                = |crm, r, _| crm.privacy().erasures(&r);
            /// Lets a contact point of a person who was erased come back, because the person did.
            write "privacy.lift_suppression" PrivacyLiftSuppression lift_suppression(LiftSuppression) -> LiftedSuppression
                = |crm, r, _| crm.privacy().lift_suppression(&r);
            /// Says what erasing a person would do, what stays and why, and what speaks against it.
            read "privacy.plan_erasure" PrivacyPlanErasure plan_erasure(PlanErasure) -> ErasurePlan
                = |crm, r, _| crm.privacy().plan_erasure(&r);
            /// Reads a page of the proofs of consent that are kept of persons who were erased: what
            /// was agreed to, when and how, not by whom.
            read "privacy.proofs" PrivacyProofs list_proofs(ListProofs) -> ProofPage
                = |crm, r, _| crm.privacy().proofs(&r);
            /// Makes the register of processing activities (GDPR art. 30) from the purposes and the
            /// retention rules, also as CSV.
            read "privacy.register" PrivacyRegister make_register(GetRegister) -> ProcessingRegister
                = |crm, r, _| crm.privacy().register(&r);
            /// Removes a retention rule, and answers what it was.
            write "privacy.remove_retention" PrivacyRemoveRetention remove_retention(RetentionName) -> Retention
                = |crm, r, _| crm.privacy().remove_retention(&r.retention);
            /// Reads all retention rules.
            read "privacy.retentions" PrivacyRetentions list_retentions(Empty) -> Vec<Retention>
                = |crm, _, _| crm.privacy().retentions();
            /// Defines what people are contacted for, or changes it.
            write "purposes.define" PurposesDefine define_purpose(Purpose) -> Purpose
                = |crm, r, _| crm.consents().define_purpose(r);
            /// Groups records and computes figures over each group: counts, sums, means, quantiles, shares.
            read "query.group" QueryGroup group_records(GroupRecords) -> RowsPage
                = |crm, r, _| crm.group_records(&r);
            /// Groups records in two directions, with totals.
            read "query.pivot" QueryPivot pivot_records(PivotRecords) -> PivotTable
                = |crm, r, _| crm.pivot_records(&r);
            /// Reads a page of rows: fields of records, of related ones, and figures over activities.
            read "query.select" QuerySelect select_rows(SelectRows) -> RowsPage
                = |crm, r, _| crm.select_rows(&r);
            /// Writes several changes in one transaction and says for each what became of it.
            write "records.apply" RecordsApply apply_changes(ApplyChanges) -> ApplyReport
                = |crm, r, _| crm.apply(r);
            /// Archives a record: it stays readable, and lists leave it out.
            write "records.archive" RecordsArchive archive_record(ArchiveRecord) -> Record
                = |crm, r, _| crm.records(&r.entity_type).archive(r.id, r.expected_version);
            /// Counts how complete the records of a type are, and finds what looks like a mistake:
            /// misspellings, duplicates, outliers and others, with examples.
            job "records.audit" RecordsAudit audit_records(AuditRecords) -> AuditReport
                = |crm, r, watch| crm.audit_records(&r, watch);
            /// Counts records.
            read "records.count" RecordsCount count_records(CountRecords) -> u64
                = |crm, r, _| crm.count_records(&r);
            /// Adds a record and returns it with its id.
            write "records.create" RecordsCreate create_record(CreateRecord) -> Record
                = |crm, r, _| crm.records(&r.entity_type).create(r.values);
            /// Reads a record by id.
            read "records.get" RecordsGet get_record(GetRecord) -> Record
                = |crm, r, _| crm.records(&r.entity_type).get(r.id);
            /// Reads the record that has this value of a unique attribute.
            read "records.get_by" RecordsGetBy get_record_by(GetRecordBy) -> Record
                = |crm, r, _| crm.records(&r.entity_type).get_by(&r.attribute, r.value);
            /// Reads several records by id or by a unique attribute, from one state of the file.
            read "records.get_many" RecordsGetMany get_many_records(GetManyRecords) -> FoundRecords
                = |crm, r, _| crm.records(&r.entity_type).get_many(r.attribute.as_deref(), r.keys);
            /// Reads the history of a record, or of one of its attributes: value, when, who, why.
            read "records.history" RecordsHistory get_history(GetHistory) -> HistoryPage
                = |crm, r, _| crm.journal().history(&r);
            /// Reads a page of records; pages stay right while others write.
            read "records.list" RecordsList list_records(ListRecords) -> RecordPage
                = |crm, r, _| crm.list_records(&r);
            /// Changes some values of a record; null clears an attribute, those left out stay.
            write "records.patch" RecordsPatch patch_record(PatchRecord) -> Record
                = |crm, r, _| crm.records(&r.entity_type).patch_expecting(r.id, r.values, r.expected_version);
            /// Takes a record out of the archive.
            write "records.restore" RecordsRestore restore_record(RestoreRecord) -> Record
                = |crm, r, _| crm.records(&r.entity_type).restore(r.id, r.expected_version);
            /// Creates a record, or changes the one that has the same value of a unique attribute.
            write "records.upsert" RecordsUpsert upsert_record(UpsertRecord) -> Upserted
                = |crm, r, _| crm.records(&r.entity_type).upsert(&r.key, r.values);
            /// Archives a rule: it no longer runs.
            write "rules.archive" RulesArchive archive_rule(RuleName) -> Rule
                = |crm, r, _| crm.rules().archive(&r.rule);
            /// Defines a rule, or changes one: what sets it off, what must hold, and what it does.
            write "rules.define" RulesDefine define_rule(DefineRule) -> DefinedRule
                = |crm, r, _| crm.rules().define(r);
            /// Reads the definition of a rule.
            read "rules.get" RulesGet get_rule(GetRule) -> Rule
                = |crm, r, _| crm.rules().get_version(&r);
            /// Reads the definitions of all rules.
            read "rules.list" RulesList list_rules(Empty) -> Vec<Rule>
                = |crm, _, _| crm.rules().list();
            /// Takes a rule out of the archive.
            write "rules.restore" RulesRestore restore_rule(RuleName) -> Rule
                = |crm, r, _| crm.rules().restore(&r.rule);
            /// Reads a page of the runs of a rule, and of those that were skipped, the oldest first.
            read "rules.runs" RulesRuns list_rule_runs(ListRuleRuns) -> RuleRunPage
                = |crm, r, _| crm.rules().runs(&r);
            /// Says what a rule, saved or not, would do with records. It is written and undone.
            write "rules.simulate" RulesSimulate simulate_rule(SimulateRule) -> RuleSimulation
                = |crm, r, _| crm.rules().simulate(&r);
            /// Adds points to what a record scores: a fact of its own, which fades and is capped as
            /// its group is.
            write "scores.add_points" ScoresAddPoints add_score_points(AddScorePoints) -> ScoreAnswer
                = |crm, r, _| crm.scores().add_points(&r);
            /// Copies a version of a score into the draft of another one, or of itself.
            write "scores.clone" ScoresClone clone_score(CloneScore) -> ScoreModel
                = |crm, r, _| crm.scores().clone_as(&r);
            /// Defines a score, or changes its draft.
            write "scores.define" ScoresDefine define_score(DefineScore) -> ScoreModel
                = |crm, r, _| crm.scores().define(r);
            /// Defines one of the ready-made scores, as a draft.
            write "scores.define_preset" ScoresDefinePreset define_score_preset(DefineScorePreset) -> ScoreModel
                = |crm, r, _| crm.scores().define_preset(r.preset);
            /// Explains what a record scores: every contribution with its evidence, adding up exactly.
            read "scores.explain" ScoresExplain explain_score(ReadScore) -> ScoreExplanation
                = |crm, r, _| crm.scores().explain(&r);
            /// Reads the definition of a score.
            read "scores.get" ScoresGet get_score(GetScore) -> ScoreModel
                = |crm, r, _| crm.scores().get(&r);
            /// Reads which thresholds of a score a record crossed.
            read "scores.history" ScoresHistory get_score_history(GetScoreHistory) -> ScoreHistory
                = |crm, r, _| crm.scores().history(&r);
            /// Reads the definitions of all scores, every version of each.
            read "scores.list" ScoresList list_scores(Empty) -> Vec<ScoreModel>
                = |crm, _, _| crm.scores().list();
            /// Publishes the draft of a score: by it records score from now on.
            write "scores.publish" ScoresPublish publish_score(ScoreName) -> ScoreModel
                = |crm, r, _| crm.scores().publish(&r.model);
            /// Ranks the records by what they score at a moment, the highest first.
            read "scores.ranking" ScoresRanking rank_scores(RankScores) -> ScoreRanking
                = |crm, r, _| crm.scores().ranking(&r);
            /// Reads what a record scores at a moment.
            read "scores.read" ScoresRead read_score(ReadScore) -> ScoreAnswer
                = |crm, r, _| crm.scores().read(&r);
            /// Scores every record anew, in constant memory: what is left to do when a version was published.
            job "scores.rescore" ScoresRescore rescore(ScoreName) -> RescoreReport
                = |crm, r, watch| crm.scores().rescore_watched(&r.model, watch);
            /// Retires the published version of a score.
            write "scores.retire" ScoresRetire retire_score(ScoreName) -> ScoreModel
                = |crm, r, _| crm.scores().retire(&r.model);
            /// Searches the texts of records and activities: words, phrases and beginnings of
            /// words, the best first, with snippets.
            read "search.find" SearchFind search_text(SearchText) -> SearchPage
                = |crm, r, _| crm.search(&r);
            /// Adds members to a static segment.
            write "segments.add_members" SegmentsAddMembers add_segment_members(ChangeMembers) -> SegmentReport
                = |crm, r, _| crm.segments().add_members(&r);
            /// Archives a segment: its members stay as they are, and conditions can no longer ask for it.
            write "segments.archive" SegmentsArchive archive_segment(SegmentName) -> Segment
                = |crm, r, _| crm.segments().archive(&r.segment);
            /// Defines a segment, or changes one, and finds its members.
            write "segments.define" SegmentsDefine define_segment(DefineSegment) -> SegmentReport
                = |crm, r, _| crm.segments().define(r);
            /// Says about how many members a segment with a condition would have, before it is saved.
            read "segments.estimate" SegmentsEstimate estimate_segment(EstimateSegment) -> SegmentEstimate
                = |crm, r, _| crm.segments().estimate(&r);
            /// Says why a record is a member of a segment or not, since when, and what made it come and go.
            read "segments.explain" SegmentsExplain explain_member(ExplainMember) -> MemberExplanation
                = |crm, r, _| crm.segments().explain(&r);
            /// Reads the definition of a segment.
            read "segments.get" SegmentsGet get_segment(SegmentName) -> Segment
                = |crm, r, _| crm.segments().get(&r.segment);
            /// Reads the definitions of all segments.
            read "segments.list" SegmentsList list_segments(Empty) -> Vec<Segment>
                = |crm, _, _| crm.segments().list();
            /// Reads a page of members of a segment, by id.
            read "segments.members" SegmentsMembers list_members(ListMembers) -> SegmentMembers
                = |crm, r, _| crm.segments().members(&r);
            /// Counts the members that two segments share.
            read "segments.overlap" SegmentsOverlap overlap_segments(OverlapSegments) -> SegmentOverlap
                = |crm, r, _| crm.segments().overlap(&r);
            /// Asks all records anew whether they are members of a snapshot or a live segment.
            job "segments.refresh" SegmentsRefresh refresh_segment(SegmentName) -> SegmentReport
                = |crm, r, watch| crm.segments().refresh(&r.segment, watch);
            /// Removes members from a static segment.
            write "segments.remove_members" SegmentsRemoveMembers remove_segment_members(ChangeMembers) -> SegmentReport
                = |crm, r, _| crm.segments().remove_members(&r);
            /// Takes a segment out of the archive; a live one gets the members that it would have by now.
            write "segments.restore" SegmentsRestore restore_segment(SegmentName) -> SegmentReport
                = |crm, r, _| crm.segments().restore(&r.segment);
            /// Counts the members of a segment at moments, or for every stretch of the calendar.
            read "segments.sizes" SegmentsSizes get_segment_sizes(GetSegmentSizes) -> SegmentSizes
                = |crm, r, _| crm.segments().sizes(&r);
            /// Reads a page of a record's timeline: its activities, those linked to it, its
            /// changes, and the stages to which it came, the latest first.
            read "timeline.list" TimelineList list_timeline(ListTimeline) -> TimelinePage
                = |crm, r, _| crm.timeline(&r);
            /// Says when the next timer is due, and up to when the last tick went.
            read "timers.next" TimersNext next_timer(Empty) -> NextTimer
                = |crm, _, _| crm.timers().next();
            /// Does on a copy in memory what would fall due, and tells the changes that this would make.
            job "timers.simulate" TimersSimulate simulate_timers(SimulateTimers) -> Simulation
                = |crm, r, watch| crm.timers().simulate(&r, watch);
            /// Does what has fallen due by time alone, such as a visit that grew older than 30 days.
            job "timers.tick" TimersTick tick_timers(TickTimers) -> Tick
                = |crm, r, watch| crm.timers().tick(&r, watch);
            /// Archives an entity type: its records stay readable, writes are refused.
            write "types.archive" TypesArchive archive_type(TypeName) -> EntityType
                = |crm, r, _| crm.types().archive(&r.entity_type);
            /// Defines an entity type, or changes one as far as the stored records allow.
            write "types.define" TypesDefine define_type(DefineType) -> EntityType
                = |crm, r, _| crm.types().define(r);
            /// Defines one of the ready-made entity types.
            write "types.define_preset" TypesDefinePreset define_preset(DefinePreset) -> EntityType
                = |crm, r, _| crm.types().define_preset(r.preset);
            /// Reads the definition of an entity type.
            read "types.get" TypesGet get_type(TypeName) -> EntityType
                = |crm, r, _| crm.types().get(&r.entity_type);
            /// Reads the definitions of all entity types.
            read "types.list" TypesList list_types(Empty) -> Vec<EntityType>
                = |crm, _, _| crm.types().list();
            /// Takes an entity type out of the archive.
            write "types.restore" TypesRestore restore_type(TypeName) -> EntityType
                = |crm, r, _| crm.types().restore(&r.entity_type);
            /// Writes records as address cards: vCard 2.1, 3.0 or 4.0.
            job "vcard.export" VcardExport export_vcard(ExportVcard) -> ExportReport
                = |crm, r, watch| crm.export_vcard(&r, watch);
            /// Reads address cards, vCard 2.1, 3.0 and 4.0, into records and reports every property
            /// that does not fit.
            job "vcard.import" VcardImport import_vcard(ImportVcard) -> ImportReport
                = |crm, r, watch| crm.import_vcard(&r, watch);
            /// Archives a view: it stays readable, and is neither run nor changed.
            write "views.archive" ViewsArchive archive_view(ViewName) -> SavedView
                = |crm, r, _| crm.views().archive(&r.name);
            /// Reads a saved view.
            read "views.get" ViewsGet get_view(ViewName) -> SavedView
                = |crm, r, _| crm.views().get(&r.name);
            /// Reads all saved views, archived ones included, by name.
            read "views.list" ViewsList list_views(Empty) -> Vec<SavedView>
                = |crm, _, _| crm.views().list();
            /// Takes a view out of the archive.
            write "views.restore" ViewsRestore restore_view(ViewName) -> SavedView
                = |crm, r, _| crm.views().restore(&r.name);
            /// Runs a saved view: its rows, groups or two-way table.
            read "views.run" ViewsRun run_view(RunView) -> ViewAnswer
                = |crm, r, _| crm.views().run(&r);
            /// Saves a query under a name, or changes what is saved under it.
            write "views.save" ViewsSave save_view(SaveView) -> SavedView
                = |crm, r, _| crm.views().save(r);
        }
    };
}
