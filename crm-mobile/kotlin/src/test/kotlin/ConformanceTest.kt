package org.crmcore

import java.nio.file.Files
import java.nio.file.Path
import java.util.Base64
import kotlin.io.path.listDirectoryEntries
import kotlin.io.path.name
import kotlin.io.path.readText
import kotlin.io.path.writeBytes
import kotlin.reflect.KClass
import kotlinx.serialization.json.Json
import kotlinx.serialization.json.JsonArray
import kotlinx.serialization.json.JsonElement
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonPrimitive
import kotlinx.serialization.json.contentOrNull
import kotlinx.serialization.json.int
import kotlinx.serialization.json.jsonArray
import kotlinx.serialization.json.jsonObject
import kotlinx.serialization.json.jsonPrimitive
import org.crmcore.engine.Engine
import org.crmcore.model.AccessData
import org.crmcore.model.AcknowledgeChanges
import org.crmcore.model.ActivityKindName
import org.crmcore.model.AddAssociation
import org.crmcore.model.AddFile
import org.crmcore.model.AddScorePoints
import org.crmcore.model.ApplyChanges
import org.crmcore.model.ApplyErasures
import org.crmcore.model.ApplyPlan
import org.crmcore.model.ArchiveAssociation
import org.crmcore.model.ArchiveRecord
import org.crmcore.model.AssociationTypeName
import org.crmcore.model.AttributeName
import org.crmcore.model.AuditRecords
import org.crmcore.model.BacktestScore
import org.crmcore.model.BackupTo
import org.crmcore.model.Channel
import org.crmcore.model.ChangeMembers
import org.crmcore.model.CheckCondition
import org.crmcore.model.CheckProof
import org.crmcore.model.CloneScore
import org.crmcore.model.ConfirmConsent
import org.crmcore.model.ConsentPolicy
import org.crmcore.model.ConsumerName
import org.crmcore.model.CountRecords
import org.crmcore.model.CreateRecord
import org.crmcore.model.CrmException
import org.crmcore.model.DecideMany
import org.crmcore.model.DefineActivityKind
import org.crmcore.model.DefineActivityPreset
import org.crmcore.model.DefineAssociationPreset
import org.crmcore.model.DefineAssociationType
import org.crmcore.model.DefineAttribute
import org.crmcore.model.DefineLifecycle
import org.crmcore.model.DefineLifecyclePreset
import org.crmcore.model.DefinePreset
import org.crmcore.model.DefineRule
import org.crmcore.model.DefineScore
import org.crmcore.model.DefineScorePreset
import org.crmcore.model.DefineSegment
import org.crmcore.model.DefineType
import org.crmcore.model.DrawLifecycle
import org.crmcore.model.Empty
import org.crmcore.model.EraseSubject
import org.crmcore.model.EstimateSegment
import org.crmcore.model.EvaluateCondition
import org.crmcore.model.ExplainCondition
import org.crmcore.model.ExplainLearnedScore
import org.crmcore.model.ExplainMember
import org.crmcore.model.ExplainStage
import org.crmcore.model.ExportCsv
import org.crmcore.model.ExportVcard
import org.crmcore.model.FindRelated
import org.crmcore.model.FindStuck
import org.crmcore.model.GetAcceptance
import org.crmcore.model.GetActivity
import org.crmcore.model.GetAssociation
import org.crmcore.model.GetConsents
import org.crmcore.model.GetFlywheel
import org.crmcore.model.GetFunnel
import org.crmcore.model.GetHistory
import org.crmcore.model.GetLearnedScore
import org.crmcore.model.GetLifecycle
import org.crmcore.model.GetLifecycleHistory
import org.crmcore.model.GetLinkedPeople
import org.crmcore.model.GetManyRecords
import org.crmcore.model.GetNotice
import org.crmcore.model.GetPreferences
import org.crmcore.model.GetReceipt
import org.crmcore.model.GetRecord
import org.crmcore.model.GetRecordBy
import org.crmcore.model.GetRegister
import org.crmcore.model.GetRule
import org.crmcore.model.GetScore
import org.crmcore.model.GetScoreHistory
import org.crmcore.model.GetSegmentSizes
import org.crmcore.model.GetStageTimes
import org.crmcore.model.GroupRecords
import org.crmcore.model.IdentifyVisitor
import org.crmcore.model.ImportCsv
import org.crmcore.model.ImportName
import org.crmcore.model.ImportVcard
import org.crmcore.model.LearnedScoreName
import org.crmcore.model.LifecycleName
import org.crmcore.model.LiftSuppression
import org.crmcore.model.LinkPeople
import org.crmcore.model.ListActivities
import org.crmcore.model.ListChanges
import org.crmcore.model.ListDueForReview
import org.crmcore.model.ListErasures
import org.crmcore.model.ListImports
import org.crmcore.model.ListMembers
import org.crmcore.model.ListPlanRows
import org.crmcore.model.ListProofs
import org.crmcore.model.ListRecords
import org.crmcore.model.ListRuleRuns
import org.crmcore.model.ListTimeline
import org.crmcore.model.MayContact
import org.crmcore.model.MoveStage
import org.crmcore.model.NewActivity
import org.crmcore.model.NewConsent
import org.crmcore.model.NewUnsubscribeLink
import org.crmcore.model.OpenOptions
import org.crmcore.model.OverlapSegments
import org.crmcore.model.Party
import org.crmcore.model.PatchAssociation
import org.crmcore.model.PatchRecord
import org.crmcore.model.PivotRecords
import org.crmcore.model.PlanErasure
import org.crmcore.model.PlanImport
import org.crmcore.model.ProposeMapping
import org.crmcore.model.ProveChanges
import org.crmcore.model.ProveDecision
import org.crmcore.model.PublishNotice
import org.crmcore.model.Purpose
import org.crmcore.model.RankRecords
import org.crmcore.model.RankScores
import org.crmcore.model.ReadFile
import org.crmcore.model.ReadScore
import org.crmcore.model.RecordActivities
import org.crmcore.model.RecordConsentUses
import org.crmcore.model.RecordConsents
import org.crmcore.model.ReleaseVisitor
import org.crmcore.model.RequestConsent
import org.crmcore.model.ResetStage
import org.crmcore.model.RestoreAssociation
import org.crmcore.model.RestoreRecord
import org.crmcore.model.RestoreTo
import org.crmcore.model.ResumeImport
import org.crmcore.model.Retention
import org.crmcore.model.RetentionName
import org.crmcore.model.RuleName
import org.crmcore.model.RunSql
import org.crmcore.model.RunView
import org.crmcore.model.SaveView
import org.crmcore.model.ScoreName
import org.crmcore.model.SearchText
import org.crmcore.model.SegmentName
import org.crmcore.model.SelectRows
import org.crmcore.model.SetClock
import org.crmcore.model.SetPreferences
import org.crmcore.model.SimulateRule
import org.crmcore.model.SimulateTimers
import org.crmcore.model.SweepConsents
import org.crmcore.model.TickTimers
import org.crmcore.model.TrainLearnedScore
import org.crmcore.model.TypeName
import org.crmcore.model.Unsubscribe
import org.crmcore.model.UpsertRecord
import org.crmcore.model.UseConsent
import org.crmcore.model.VerifyJournal
import org.crmcore.model.ViewName
import org.crmcore.model.WalkAssociations
import org.junit.jupiter.api.AfterAll
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Assertions.fail
import org.junit.jupiter.api.DynamicTest
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.TestFactory
import org.junit.jupiter.api.io.TempDir

/** The cases that all languages share, through the typed interface of Kotlin. See tests/conformance/README.md. */
class ConformanceTest {
    @Test
    fun `every operation of the table can be called`() {
        val table = Json.parseToJsonElement(FOLDER.resolve("operations.json").readText()).jsonArray
        val names = table.map { it.jsonObject.getValue("name").jsonPrimitive.content }
        assertEquals(names.sorted(), OPERATIONS.keys.sorted())
    }

    @TestFactory
    fun cases(@TempDir root: Path): List<DynamicTest> {
        val files = FOLDER.resolve("cases").listDirectoryEntries("*.json").sorted()
        val cases = files.flatMap { file ->
            Json.parseToJsonElement(file.readText()).jsonArray.map { file.name to it.jsonObject }
        }
        assertTrue(cases.isNotEmpty(), "no case in $FOLDER")
        found = cases.size
        return cases.mapIndexed { number, (file, case) ->
            val name = case.getValue("name").jsonPrimitive.content
            DynamicTest.dynamicTest("$file: $name") {
                CaseRunner(Files.createDirectory(root.resolve("case$number")), case).use(CaseRunner::run)
                run += 1
            }
        }
    }

    companion object {
        private val FOLDER: Path =
            Path.of(System.getenv("CRM_CONFORMANCE_DIR") ?: "../../tests/conformance")

        private var found = 0
        private var run = 0

        @AfterAll
        @JvmStatic
        fun count() {
            println("conformance: $run of $found cases")
            assertEquals(found, run, "some cases were not run to their end")
        }
    }
}

private val OPERATIONS: Map<String, (Engine, JsonElement) -> Any?> = mapOf(
    "activities.get" to call(GetActivity::class) { getActivity(it) },
    "activities.identify" to call(IdentifyVisitor::class) { identifyVisitor(it) },
    "activities.list" to call(ListActivities::class) { listActivities(it) },
    "activities.record" to call(NewActivity::class) { recordActivity(it) },
    "activities.record_many" to call(RecordActivities::class) { recordActivities(it) },
    "activities.release" to call(ReleaseVisitor::class) { releaseVisitor(it) },
    "activity_kinds.archive" to call(ActivityKindName::class) { archiveActivityKind(it) },
    "activity_kinds.define" to call(DefineActivityKind::class) { defineActivityKind(it) },
    "activity_kinds.define_preset" to call(DefineActivityPreset::class) { defineActivityPreset(it) },
    "activity_kinds.get" to call(ActivityKindName::class) { getActivityKind(it) },
    "activity_kinds.list" to call(Empty::class) { listActivityKinds(it) },
    "activity_kinds.restore" to call(ActivityKindName::class) { restoreActivityKind(it) },
    "association_types.archive" to call(AssociationTypeName::class) { archiveAssociationType(it) },
    "association_types.define" to call(DefineAssociationType::class) { defineAssociationType(it) },
    "association_types.define_preset" to call(DefineAssociationPreset::class) { defineAssociationPreset(it) },
    "association_types.get" to call(AssociationTypeName::class) { getAssociationType(it) },
    "association_types.list" to call(Empty::class) { listAssociationTypes(it) },
    "association_types.restore" to call(AssociationTypeName::class) { restoreAssociationType(it) },
    "associations.add" to call(AddAssociation::class) { addAssociation(it) },
    "associations.archive" to call(ArchiveAssociation::class) { archiveAssociation(it) },
    "associations.get" to call(GetAssociation::class) { getAssociation(it) },
    "associations.patch" to call(PatchAssociation::class) { patchAssociation(it) },
    "associations.related" to call(FindRelated::class) { findRelated(it) },
    "associations.restore" to call(RestoreAssociation::class) { restoreAssociation(it) },
    "associations.walk" to call(WalkAssociations::class) { walkAssociations(it) },
    "attributes.archive" to call(AttributeName::class) { archiveAttribute(it) },
    "attributes.define" to call(DefineAttribute::class) { defineAttribute(it) },
    "attributes.restore" to call(AttributeName::class) { restoreAttribute(it) },
    "changes.cloud_events" to call(ListChanges::class) { listCloudEvents(it) },
    "changes.list" to call(ListChanges::class) { listChanges(it) },
    "channels.define" to call(Channel::class) { defineChannel(it) },
    "conditions.check" to call(CheckCondition::class) { checkCondition(it) },
    "conditions.evaluate" to call(EvaluateCondition::class) { evaluateCondition(it) },
    "conditions.explain" to call(ExplainCondition::class) { explainCondition(it) },
    "consents.check_proof" to call(CheckProof::class) { checkProof(it) },
    "consents.confirm" to call(ConfirmConsent::class) { confirmConsent(it) },
    "consents.decide" to call(MayContact::class) { mayContact(it) },
    "consents.decide_many" to call(DecideMany::class) { mayContactMany(it) },
    "consents.definitions" to call(Empty::class) { listConsentDefinitions(it) },
    "consents.history" to call(GetConsents::class) { getConsentHistory(it) },
    "consents.link" to call(LinkPeople::class) { linkPeople(it) },
    "consents.linked" to call(GetLinkedPeople::class) { getLinkedPeople(it) },
    "consents.preferences" to call(GetPreferences::class) { getPreferences(it) },
    "consents.prove" to call(ProveDecision::class) { proveDecision(it) },
    "consents.receipt" to call(GetReceipt::class) { makeReceipt(it) },
    "consents.record" to call(NewConsent::class) { recordConsent(it) },
    "consents.record_many" to call(RecordConsents::class) { recordConsents(it) },
    "consents.record_use" to call(UseConsent::class) { recordConsentUse(it) },
    "consents.record_uses" to call(RecordConsentUses::class) { recordConsentUses(it) },
    "consents.request" to call(RequestConsent::class) { requestConsent(it) },
    "consents.set_preferences" to call(SetPreferences::class) { setPreferences(it) },
    "consents.sweep" to call(SweepConsents::class) { sweepConsents(it) },
    "consents.unlink" to call(LinkPeople::class) { unlinkPeople(it) },
    "consents.unsubscribe" to call(Unsubscribe::class) { unsubscribe(it) },
    "consents.unsubscribe_link" to call(NewUnsubscribeLink::class) { makeUnsubscribeLink(it) },
    "consumers.acknowledge" to call(AcknowledgeChanges::class) { acknowledgeChanges(it) },
    "consumers.list" to call(Empty::class) { listConsumers(it) },
    "consumers.remove" to call(ConsumerName::class) { removeConsumer(it) },
    "csv.export" to call(ExportCsv::class) { exportCsv(it) },
    "csv.import" to call(ImportCsv::class) { importCsv(it) },
    "csv.propose" to call(ProposeMapping::class) { proposeMapping(it) },
    "database.backup" to call(BackupTo::class) { backupTo(it) },
    "database.compact" to call(Empty::class) { compact(it) },
    "database.info" to call(Empty::class) { info(it) },
    "database.restore" to call(RestoreTo::class) { restoreTo(it) },
    "database.set_clock" to call(SetClock::class) { setClock(it) },
    "database.sql" to call(RunSql::class) { sql(it) },
    "database.stats" to call(Empty::class) { stats(it) },
    "database.verify" to call(Empty::class) { verify(it) },
    "files.add" to call(AddFile::class) { addFile(it) },
    "files.read" to call(ReadFile::class) { readFile(it) },
    "notices.get" to call(GetNotice::class) { getNotice(it) },
    "notices.publish" to call(PublishNotice::class) { publishNotice(it) },
    "parties.define" to call(Party::class) { defineParty(it) },
    "policies.define" to call(ConsentPolicy::class) { definePolicy(it) },
    "privacy.access" to call(AccessData::class) { accessData(it) },
    "privacy.apply_erasures" to call(ApplyErasures::class) { applyErasures(it) },
    "privacy.define_retention" to call(Retention::class) { defineRetention(it) },
    "privacy.due_for_review" to call(ListDueForReview::class) { listDueForReview(it) },
    "privacy.erase" to call(EraseSubject::class) { eraseSubject(it) },
    "privacy.erasures" to call(ListErasures::class) { listErasures(it) },
    "privacy.lift_suppression" to call(LiftSuppression::class) { liftSuppression(it) },
    "privacy.plan_erasure" to call(PlanErasure::class) { planErasure(it) },
    "privacy.proofs" to call(ListProofs::class) { listProofs(it) },
    "privacy.register" to call(GetRegister::class) { makeRegister(it) },
    "privacy.remove_retention" to call(RetentionName::class) { removeRetention(it) },
    "privacy.retentions" to call(Empty::class) { listRetentions(it) },
    "purposes.define" to call(Purpose::class) { definePurpose(it) },
    "query.group" to call(GroupRecords::class) { groupRecords(it) },
    "query.pivot" to call(PivotRecords::class) { pivotRecords(it) },
    "query.select" to call(SelectRows::class) { selectRows(it) },
    "imports.apply" to call(ApplyPlan::class) { applyPlan(it) },
    "imports.get" to call(ImportName::class) { getImport(it) },
    "imports.list" to call(ListImports::class) { listImports(it) },
    "imports.plan" to call(PlanImport::class) { planImport(it) },
    "imports.plan_rows" to call(ListPlanRows::class) { listPlanRows(it) },
    "imports.resume" to call(ResumeImport::class) { resumeImport(it) },
    "imports.revert" to call(ImportName::class) { revertImport(it) },
    "journal.head" to call(Empty::class) { journalHead(it) },
    "journal.prove" to call(ProveChanges::class) { proveChanges(it) },
    "journal.verify" to call(VerifyJournal::class) { verifyJournal(it) },
    "learned_scores.archive" to call(LearnedScoreName::class) { archiveLearnedScore(it) },
    "learned_scores.backtest" to call(BacktestScore::class) { backtestScore(it) },
    "learned_scores.explain" to call(ExplainLearnedScore::class) { explainLearnedScore(it) },
    "learned_scores.find_leaks" to call(TrainLearnedScore::class) { findLeaks(it) },
    "learned_scores.get" to call(GetLearnedScore::class) { getLearnedScore(it) },
    "learned_scores.list" to call(Empty::class) { listLearnedScores(it) },
    "learned_scores.rank" to call(RankRecords::class) { rankRecords(it) },
    "learned_scores.restore" to call(LearnedScoreName::class) { restoreLearnedScore(it) },
    "learned_scores.train" to call(TrainLearnedScore::class) { trainLearnedScore(it) },
    "lifecycles.acceptance" to call(GetAcceptance::class) { getAcceptance(it) },
    "lifecycles.archive" to call(LifecycleName::class) { archiveLifecycle(it) },
    "lifecycles.define" to call(DefineLifecycle::class) { defineLifecycle(it) },
    "lifecycles.define_preset" to call(DefineLifecyclePreset::class) { defineLifecyclePreset(it) },
    "lifecycles.draw" to call(DrawLifecycle::class) { drawLifecycle(it) },
    "lifecycles.explain" to call(ExplainStage::class) { explainStage(it) },
    "lifecycles.flywheel" to call(GetFlywheel::class) { getFlywheel(it) },
    "lifecycles.funnel" to call(GetFunnel::class) { getFunnel(it) },
    "lifecycles.get" to call(GetLifecycle::class) { getLifecycle(it) },
    "lifecycles.history" to call(GetLifecycleHistory::class) { getLifecycleHistory(it) },
    "lifecycles.list" to call(Empty::class) { listLifecycles(it) },
    "lifecycles.move" to call(MoveStage::class) { moveStage(it) },
    "lifecycles.reset" to call(ResetStage::class) { resetStage(it) },
    "lifecycles.restore" to call(LifecycleName::class) { restoreLifecycle(it) },
    "lifecycles.stuck" to call(FindStuck::class) { findStuck(it) },
    "lifecycles.times" to call(GetStageTimes::class) { getStageTimes(it) },
    "records.apply" to call(ApplyChanges::class) { applyChanges(it) },
    "records.archive" to call(ArchiveRecord::class) { archiveRecord(it) },
    "records.audit" to call(AuditRecords::class) { auditRecords(it) },
    "records.count" to call(CountRecords::class) { countRecords(it) },
    "records.create" to call(CreateRecord::class) { createRecord(it) },
    "records.get" to call(GetRecord::class) { getRecord(it) },
    "records.get_by" to call(GetRecordBy::class) { getRecordBy(it) },
    "records.get_many" to call(GetManyRecords::class) { getManyRecords(it) },
    "records.history" to call(GetHistory::class) { getHistory(it) },
    "records.list" to call(ListRecords::class) { listRecords(it) },
    "records.patch" to call(PatchRecord::class) { patchRecord(it) },
    "records.restore" to call(RestoreRecord::class) { restoreRecord(it) },
    "records.upsert" to call(UpsertRecord::class) { upsertRecord(it) },
    "rules.archive" to call(RuleName::class) { archiveRule(it) },
    "rules.define" to call(DefineRule::class) { defineRule(it) },
    "rules.get" to call(GetRule::class) { getRule(it) },
    "rules.list" to call(Empty::class) { listRules(it) },
    "rules.restore" to call(RuleName::class) { restoreRule(it) },
    "rules.runs" to call(ListRuleRuns::class) { listRuleRuns(it) },
    "rules.simulate" to call(SimulateRule::class) { simulateRule(it) },
    "scores.add_points" to call(AddScorePoints::class) { addScorePoints(it) },
    "scores.clone" to call(CloneScore::class) { cloneScore(it) },
    "scores.define" to call(DefineScore::class) { defineScore(it) },
    "scores.define_preset" to call(DefineScorePreset::class) { defineScorePreset(it) },
    "scores.explain" to call(ReadScore::class) { explainScore(it) },
    "scores.get" to call(GetScore::class) { getScore(it) },
    "scores.history" to call(GetScoreHistory::class) { getScoreHistory(it) },
    "scores.list" to call(Empty::class) { listScores(it) },
    "scores.publish" to call(ScoreName::class) { publishScore(it) },
    "scores.ranking" to call(RankScores::class) { rankScores(it) },
    "scores.read" to call(ReadScore::class) { readScore(it) },
    "scores.rescore" to call(ScoreName::class) { rescore(it) },
    "scores.retire" to call(ScoreName::class) { retireScore(it) },
    "search.find" to call(SearchText::class) { searchText(it) },
    "segments.add_members" to call(ChangeMembers::class) { addSegmentMembers(it) },
    "segments.archive" to call(SegmentName::class) { archiveSegment(it) },
    "segments.define" to call(DefineSegment::class) { defineSegment(it) },
    "segments.estimate" to call(EstimateSegment::class) { estimateSegment(it) },
    "segments.explain" to call(ExplainMember::class) { explainMember(it) },
    "segments.get" to call(SegmentName::class) { getSegment(it) },
    "segments.list" to call(Empty::class) { listSegments(it) },
    "segments.members" to call(ListMembers::class) { listMembers(it) },
    "segments.overlap" to call(OverlapSegments::class) { overlapSegments(it) },
    "segments.refresh" to call(SegmentName::class) { refreshSegment(it) },
    "segments.remove_members" to call(ChangeMembers::class) { removeSegmentMembers(it) },
    "segments.restore" to call(SegmentName::class) { restoreSegment(it) },
    "segments.sizes" to call(GetSegmentSizes::class) { getSegmentSizes(it) },
    "timeline.list" to call(ListTimeline::class) { listTimeline(it) },
    "timers.next" to call(Empty::class) { nextTimer(it) },
    "timers.simulate" to call(SimulateTimers::class) { simulateTimers(it) },
    "timers.tick" to call(TickTimers::class) { tickTimers(it) },
    "types.archive" to call(TypeName::class) { archiveType(it) },
    "types.define" to call(DefineType::class) { defineType(it) },
    "types.define_preset" to call(DefinePreset::class) { definePreset(it) },
    "types.get" to call(TypeName::class) { getType(it) },
    "types.list" to call(Empty::class) { listTypes(it) },
    "types.restore" to call(TypeName::class) { restoreType(it) },
    "vcard.export" to call(ExportVcard::class) { exportVcard(it) },
    "vcard.import" to call(ImportVcard::class) { importVcard(it) },
    "views.archive" to call(ViewName::class) { archiveView(it) },
    "views.get" to call(ViewName::class) { getView(it) },
    "views.list" to call(Empty::class) { listViews(it) },
    "views.restore" to call(ViewName::class) { restoreView(it) },
    "views.run" to call(RunView::class) { runView(it) },
    "views.save" to call(SaveView::class) { saveView(it) },
)

private fun <T : Any> call(type: KClass<T>, operation: Engine.(T) -> Any?): (Engine, JsonElement) -> Any? =
    { engine, request -> engine.operation(ConformanceJson.read(request, type)) }

/** One case: a handle, a folder, and the values that were saved. */
private class CaseRunner(private val folder: Path, private val case: JsonObject) : AutoCloseable {
    private val path = if (case["file"]?.jsonPrimitive?.content == "true") "$folder/case.crm" else ":memory:"
    private val saved = mutableMapOf<String, JsonElement>()
    private var owner: Crm? = open(JsonObject(emptyMap()))
    private var handle: Crm? = owner

    fun run() {
        known(case, "name", "why", "file", "steps")
        case.getValue("steps").jsonArray.forEachIndexed { number, step ->
            try {
                step(step.jsonObject)
            } catch (failure: Throwable) {
                throw AssertionError("${case["name"]}, step $number: ${failure.message ?: failure.javaClass.simpleName}", failure)
            }
        }
    }

    override fun close() {
        owner?.close()
    }

    private fun step(step: JsonObject) {
        known(step, "op", "in", "acting_as", "reopen", "open", "write", "out", "error", "save")
        val kind = listOf("op", "acting_as", "write", "reopen", "open").single { it in step }
        val outcome = runCatching { perform(kind, step) }
        outcome.exceptionOrNull()?.let { if (it !is CrmException) throw it }
        val error = step["error"]?.jsonObject
        if (error != null) {
            return refused(error, outcome.exceptionOrNull() as CrmException? ?: fail("no error, expected $error"))
        }
        val result = outcome.getOrElse { fail("${(it as CrmException).name()}: ${it.text()}") }
        step["out"]?.let { expected -> assertNull(difference(fill(expected), result)) }
        step["save"]?.jsonObject?.forEach { (name, pointer) -> saved[name] = at(result, pointer.jsonPrimitive.content) }
    }

    private fun perform(kind: String, step: JsonObject): JsonElement {
        val argument = fill(step.getValue(kind))
        when (kind) {
            "op" -> {
                val request = fill(step["in"] ?: JsonObject(emptyMap()))
                val operation = OPERATIONS.getValue(argument.jsonPrimitive.content)
                return ConformanceJson.write(operation(handle ?: fail("there is no handle"), request))
            }
            "acting_as" -> {
                val (actor, cause) = listOf("actor", "cause").map { argument.jsonObject[it]?.jsonPrimitive?.contentOrNull }
                handle = owner!!.actingAs(actor!!, cause)
            }
            "write" -> {
                val (target, content) = listOf("path", "base64").map { argument.jsonObject.getValue(it).jsonPrimitive.content }
                Path.of(target).writeBytes(Base64.getDecoder().decode(content))
            }
            "reopen" -> {
                owner?.close()
                owner = null
                handle = null
                owner = open(argument.jsonObject)
                handle = owner
            }
            "open" -> {
                val options = argument.jsonObject["options"]?.jsonObject ?: JsonObject(emptyMap())
                open(options, argument.jsonObject.getValue("path").jsonPrimitive.content).close()
            }
        }
        return JsonObject(emptyMap())
    }

    private fun open(options: JsonObject, path: String = this.path): Crm =
        Crm.open(path, ConformanceJson.read(JsonObject(REPLAY + options), OpenOptions::class))

    private fun refused(expected: JsonObject, error: CrmException) {
        known(expected, "kind", "field", "hint", "says")
        val found = mapOf("kind" to error.name(), "field" to parts(error)[1], "hint" to parts(error)[2])
        for ((part, value) in found) {
            expected[part]?.let { assertEquals(it.jsonPrimitive.contentOrNull, value, "$part of ${error.text()}") }
        }
        for (text in expected["says"]?.let(::fill)?.jsonArray.orEmpty()) {
            assertTrue(text.jsonPrimitive.content in parts(error)[0]!!, "${error.text()} does not say $text")
        }
    }

    /** [json] with its placeholders replaced. */
    private fun fill(json: JsonElement): JsonElement = when (json) {
        is JsonArray -> JsonArray(json.map(::fill))
        is JsonObject -> json["\$repeat"]?.jsonArray?.let { (text, times) ->
            JsonPrimitive(text.jsonPrimitive.content.repeat(times.jsonPrimitive.int))
        } ?: JsonObject(json.mapValues { fill(it.value) })
        is JsonPrimitive -> if (json.isString) fill(json.content) else json
    }

    private fun fill(text: String): JsonElement = when {
        text == "\$any" -> JsonPrimitive(text)
        text != "\$dir" && NAME.matches(text) -> saved[text.drop(1)] ?: fail("$text was never saved")
        else -> JsonPrimitive(text.replace("\$dir", folder.toString()))
    }

    private fun at(json: JsonElement, pointer: String): JsonElement =
        pointer.split('/').drop(1).fold(json) { element, key ->
            val name = key.replace("~1", "/").replace("~0", "~")
            if (element is JsonArray) element[name.toInt()] else element.jsonObject.getValue(name)
        }

    private fun known(json: JsonObject, vararg keys: String) {
        assertEquals(emptySet<String>(), json.keys - keys.toSet(), "keys that no runner knows")
    }

    companion object {
        private val NAME = Regex("\\$[a-z][a-z0-9_]*")
        private val REPLAY: JsonObject =
            Json.parseToJsonElement("""{"replay": {"start": "2026-01-01T00:00:00Z", "step_micros": 1000}}""").jsonObject
    }
}
