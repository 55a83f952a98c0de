package org.crmcore

import java.time.Instant
import org.crmcore.engine.Engine
import org.crmcore.model.Acceptance
import org.crmcore.model.DefineLifecycle
import org.crmcore.model.DefineLifecyclePreset
import org.crmcore.model.DefinedLifecycle
import org.crmcore.model.DrawLifecycle
import org.crmcore.model.DrawingFormat
import org.crmcore.model.Empty
import org.crmcore.model.ExplainStage
import org.crmcore.model.FindStuck
import org.crmcore.model.Flywheel
import org.crmcore.model.Funnel
import org.crmcore.model.GetAcceptance
import org.crmcore.model.GetFlywheel
import org.crmcore.model.GetFunnel
import org.crmcore.model.GetLifecycle
import org.crmcore.model.GetLifecycleHistory
import org.crmcore.model.GetStageTimes
import org.crmcore.model.Lifecycle
import org.crmcore.model.LifecycleHistory
import org.crmcore.model.LifecycleName
import org.crmcore.model.LifecyclePreset
import org.crmcore.model.MoveStage
import org.crmcore.model.MovedStage
import org.crmcore.model.RelatedStage
import org.crmcore.model.ResetStage
import org.crmcore.model.Stage
import org.crmcore.model.StageExplanation
import org.crmcore.model.StageKind
import org.crmcore.model.StageMapping
import org.crmcore.model.StageTimes
import org.crmcore.model.StageTrigger
import org.crmcore.model.StuckPage

/**
 * A stage of a lifecycle. [required] are attributes that a record needs from here on, [guard] is a condition, as text
 * or JSON, on whoever comes here. A stage that is lost, or beside the way, may list [reasons] and let triggers lead
 * out of it; to one that is [onlyAutomatic] people do not lead. [leaveWithin] are times such as `1h` in which a record
 * is to go on from here.
 */
fun stage(
    name: String,
    kind: StageKind = StageKind.OPEN,
    label: String = "",
    probability: Double? = null,
    required: List<String> = emptyList(),
    guard: String? = null,
    reasons: List<String> = emptyList(),
    automaticExit: Boolean = false,
    onlyAutomatic: Boolean = false,
    leaveWithin: List<String> = emptyList(),
): Stage =
    Stage(name, label, kind, probability, required, guard, reasons, automaticExit, onlyAutomatic, leaveWithin)

/**
 * Stages, and where records stand on them.
 *
 * ```kotlin
 * crm.lifecycles.definePreset(LifecyclePreset.DEAL)
 * crm.lifecycles.move("deal", deal.id, "proposal")
 * for (visit in crm.lifecycles.history("deal", deal.id).visits) println(visit.stage)
 * ```
 *
 * It holds nothing: make one whenever it is needed.
 */
class Lifecycles internal constructor(private val engine: Engine) {
    /**
     * Defines the lifecycle [name] of the entity type [type], or changes it: what is stated is all of it. [map] says for
     * stages that are gone, and on which records stand or stood, which stage takes their place; with [dryRun] it only
     * says what it would do.
     */
    fun define(
        name: String,
        type: String,
        stages: List<Stage>,
        triggers: List<StageTrigger> = emptyList(),
        initial: String? = null,
        map: Map<String, String> = emptyMap(),
        dryRun: Boolean = false,
        label: String = "",
        description: String = "",
    ): DefinedLifecycle = engine.defineLifecycle(
        DefineLifecycle(
            name, type, label, description, stages, initial, triggers,
            map.map { (stage, becomes) -> StageMapping(stage, becomes) }, dryRun,
        ),
    )

    /** Defines one of the ready-made lifecycles. */
    fun definePreset(preset: LifecyclePreset): Lifecycle = engine.defineLifecyclePreset(DefineLifecyclePreset(preset))

    /** The definition of a lifecycle, or an older version; throws `CrmException.NotFound` if there is none. */
    operator fun get(lifecycle: String, version: Long? = null): Lifecycle =
        engine.getLifecycle(GetLifecycle(lifecycle, version))

    /** All lifecycles, archived ones included, by name. */
    fun list(): List<Lifecycle> = engine.listLifecycles(Empty())

    /** Archives a lifecycle: records stay where they stand, and are no longer moved. */
    fun archive(lifecycle: String): Lifecycle = engine.archiveLifecycle(LifecycleName(lifecycle))

    /** Takes a lifecycle out of the archive. What happened meanwhile is not made up for. */
    fun restore(lifecycle: String): Lifecycle = engine.restoreLifecycle(LifecycleName(lifecycle))

    /**
     * Moves a record to a later stage, or to one that is lost, which takes a [reason], or beside the way. It throws
     * `CrmException.Refused` if the stage lies before the present one, or its guard is not met. [at] is when it
     * happened, now by default; [activityId] the activity that shows it.
     */
    fun move(
        lifecycle: String,
        id: String,
        to: String,
        reason: String? = null,
        at: Instant? = null,
        activityId: String? = null,
    ): MovedStage = engine.moveStage(MoveStage(lifecycle, id, to, reason, at, activityId))

    /** Puts a record back to an earlier stage of the same cycle, for a [reason]. */
    fun reset(lifecycle: String, id: String, to: String, reason: String, at: Instant? = null): MovedStage =
        engine.resetStage(ResetStage(lifecycle, id, to, reason, at))

    /** Where a record stands, how it came there, and which automatic moves were not made. */
    fun history(lifecycle: String, id: String, after: Long = 0, limit: Int = 100): LifecycleHistory =
        engine.getLifecycleHistory(GetLifecycleHistory(lifecycle, id, after, limit.toUInt()))

    /** How long a record stood on each stage up to the moment [at]: now, last, and altogether. */
    fun times(lifecycle: String, id: String, at: Instant? = null): StageTimes =
        engine.getStageTimes(GetStageTimes(lifecycle, id, at))

    /**
     * How many of those who began in a time reached each stage, went on, are lost or wait, and how long they took.
     *
     * With [where] only records count for which the condition, built or as text, is true now.
     */
    fun funnel(
        lifecycle: String,
        from: Instant? = null,
        until: Instant? = null,
        where: String? = null,
        quantiles: List<Double> = emptyList(),
    ): Funnel = engine.getFunnel(GetFunnel(lifecycle, from, until, where, quantiles))

    /**
     * What part of the new customers came by existing ones, and where the way to becoming one rubs. [stage] makes a
     * customer, the first that is won by default; [referral] are ways to whoever brought a record, [repeat] to whoever
     * bought.
     */
    fun flywheel(
        lifecycle: String,
        stage: String? = null,
        from: Instant? = null,
        until: Instant? = null,
        referral: List<RelatedStage> = emptyList(),
        repeat: List<RelatedStage> = emptyList(),
    ): Flywheel = engine.getFlywheel(GetFlywheel(lifecycle, stage, from, until, referral, repeat))

    /**
     * Records that stand on a stage for longer than a span such as `14d`, the longest first; on every open stage unless
     * [stages] says which. [after] is the `next` of the page before, which is asked with the same [at].
     */
    fun stuck(
        lifecycle: String,
        longerThan: String,
        stages: List<String> = emptyList(),
        at: Instant? = null,
        after: String? = null,
        limit: Int = 100,
    ): StuckPage = engine.findStuck(FindStuck(lifecycle, stages, longerThan, at, after, limit.toUInt()))

    /**
     * Whether those who came to a stage left it within a span such as `1h`, and who did not. With [to], only
     * who came to that stage, or to one after it, was taken on.
     */
    fun acceptance(
        lifecycle: String,
        stage: String,
        within: String,
        to: String? = null,
        from: Instant? = null,
        until: Instant? = null,
        at: Instant? = null,
        after: String? = null,
        limit: Int = 100,
    ): Acceptance =
        engine.getAcceptance(GetAcceptance(lifecycle, stage, within, to, from, until, at, after, limit.toUInt()))

    /** Why a record stands where it does, and what would move it. */
    fun explain(lifecycle: String, id: String): StageExplanation = engine.explainStage(ExplainStage(lifecycle, id))

    /** A drawing of a lifecycle as text, for Mermaid or Graphviz. */
    fun draw(lifecycle: String, format: DrawingFormat = DrawingFormat.MERMAID): String =
        engine.drawLifecycle(DrawLifecycle(lifecycle, format)).text
}
