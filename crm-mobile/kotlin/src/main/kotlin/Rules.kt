package org.crmcore

import org.crmcore.engine.Engine
import org.crmcore.model.AddPoints
import org.crmcore.model.ChangeMembership
import org.crmcore.model.CreateTask
import org.crmcore.model.DefineRule
import org.crmcore.model.DefinedRule
import org.crmcore.model.EmitEvent
import org.crmcore.model.Empty
import org.crmcore.model.GetRule
import org.crmcore.model.ListRuleRuns
import org.crmcore.model.MoveToStage
import org.crmcore.model.OnActivity
import org.crmcore.model.OnAttribute
import org.crmcore.model.OnDate
import org.crmcore.model.OnOverdue
import org.crmcore.model.OnScore
import org.crmcore.model.OnSegment
import org.crmcore.model.OnStage
import org.crmcore.model.Rule
import org.crmcore.model.RuleAction
import org.crmcore.model.RuleName
import org.crmcore.model.RuleRunPage
import org.crmcore.model.RuleSimulation
import org.crmcore.model.RuleTrigger
import org.crmcore.model.SetAttribute
import org.crmcore.model.SimulateRule

/** What sets a rule off. */
object On {
    /** An activity of this [kind], if [filter] is true for it: a condition as text or JSON. */
    fun activity(kind: String, filter: String? = null): RuleTrigger = RuleTrigger.Activity(OnActivity(kind, filter))

    /** The record comes to a [stage] of a lifecycle; to any if it is left out. */
    fun stageEntered(lifecycle: String, stage: String? = null): RuleTrigger =
        RuleTrigger.StageEntered(OnStage(lifecycle, stage))

    /** The record leaves a [stage] of a lifecycle; any if it is left out. */
    fun stageLeft(lifecycle: String, stage: String? = null): RuleTrigger =
        RuleTrigger.StageLeft(OnStage(lifecycle, stage))

    /** An [attribute] gets another value: [from] one and [to] one, where they are given. */
    fun changed(attribute: String, from: Any? = null, to: Any? = null): RuleTrigger =
        RuleTrigger.AttributeChanged(OnAttribute(attribute, from?.let(::valueOf), to?.let(::valueOf)))

    /** The date of an [attribute] has come, or a span [before] or [after] it such as `P7D`. */
    fun date(attribute: String, before: String? = null, after: String? = null): RuleTrigger =
        RuleTrigger.DateReached(OnDate(attribute, before, after))

    /** The score crosses a [threshold], any if it is left out: upwards, or [down]. */
    fun scored(score: String, threshold: String? = null, down: Boolean = false): RuleTrigger =
        RuleTrigger.ScoreCrossed(OnScore(score, threshold, down))

    /** The record becomes a member of a [segment], by hand or by itself. */
    fun segmentEntered(segment: String): RuleTrigger = RuleTrigger.SegmentEntered(OnSegment(segment))

    /** The record ceases to be a member of a [segment]. */
    fun segmentLeft(segment: String): RuleTrigger = RuleTrigger.SegmentLeft(OnSegment(segment))

    /** The record stands on a [stage], any if it is left out, for longer than its times say, or than the one [within]. */
    fun overdue(lifecycle: String, stage: String? = null, within: String? = null): RuleTrigger =
        RuleTrigger.StageOverdue(OnOverdue(lifecycle, stage, within))
}

/** What a rule does. */
object Do {
    /** Gives an [attribute] a value; null clears it. */
    fun set(attribute: String, value: Any?): RuleAction =
        RuleAction.SetAttribute(SetAttribute(attribute, value?.let(::valueOf), null))

    /** Gives an [attribute] what a [formula] gives, over the record as it is then. */
    fun calculate(attribute: String, formula: String): RuleAction =
        RuleAction.SetAttribute(SetAttribute(attribute, null, formula))

    /** Moves the record to a stage, as a trigger of the lifecycle would. */
    fun move(lifecycle: String, to: String, reason: String? = null): RuleAction =
        RuleAction.MoveStage(MoveToStage(lifecycle, to, reason))

    /** Adds a task, due in a span such as `P3D`, that [association] links to the record. */
    fun task(
        title: String,
        body: String? = null,
        assignee: String? = null,
        dueIn: String? = null,
        association: String? = null,
    ): RuleAction = RuleAction.CreateTask(CreateTask(title, body, assignee, dueIn, association))

    /** Makes the record a member of a static [segment]. */
    fun addTo(segment: String, reason: String? = null): RuleAction =
        RuleAction.AddToSegment(ChangeMembership(segment, reason))

    /** Removes the record from a static [segment]. */
    fun removeFrom(segment: String, reason: String? = null): RuleAction =
        RuleAction.RemoveFromSegment(ChangeMembership(segment, reason))

    /** Adds [points] to a [group] of a score, which may be left out if it has no other. */
    fun addPoints(score: String, points: Long, group: String? = null, reason: String? = null): RuleAction =
        RuleAction.AddPoints(AddPoints(score, points, group, reason))

    /** Tells the host of an [event], with the values of these attributes. */
    fun emit(event: String, vararg fields: String): RuleAction = RuleAction.Emit(EmitEvent(event, fields.toList()))
}

/**
 * What is done when something happens with a record.
 *
 * ```kotlin
 * crm.rules.define("german", "contact", On.changed("country", to = "DE"), listOf(Do.set("locale", "de")))
 * for (run in crm.rules.runs("german").runs) println(run.record.id)
 * ```
 *
 * It holds nothing: make one whenever it is needed.
 */
class Rules internal constructor(private val engine: Engine) {
    /**
     * Defines the rule [name] of the entity type [type], or changes it: what is stated is all of it. [where] is a
     * condition, as text or JSON, on the record; with [dryRun] it is only said whether the rule holds. A rule that would
     * set itself off is refused.
     */
    fun define(
        name: String,
        type: String,
        on: RuleTrigger,
        actions: List<RuleAction>,
        where: String? = null,
        dryRun: Boolean = false,
        label: String = "",
        description: String = "",
    ): DefinedRule = engine.defineRule(DefineRule(name, type, label, description, on, where, actions, dryRun))

    /** The definition of a rule, or an older version; throws `CrmException.NotFound` if there is none. */
    operator fun get(rule: String, version: Long? = null): Rule = engine.getRule(GetRule(rule, version))

    /** All rules, archived ones included, by name: the order in which they run. */
    fun list(): List<Rule> = engine.listRules(Empty())

    /** Archives a rule: it no longer runs. Its runs stay readable. */
    fun archive(rule: String): Rule = engine.archiveRule(RuleName(rule))

    /** Takes a rule out of the archive. What happened meanwhile is not made up for. */
    fun restore(rule: String): Rule = engine.restoreRule(RuleName(rule))

    /** A page of the runs of a rule, of the record [id] if it is given, those that were skipped among them. */
    fun runs(rule: String, id: String? = null, after: Long = 0, limit: Int = 100): RuleRunPage =
        engine.listRuleRuns(ListRuleRuns(rule, id, after, limit.toUInt()))

    /** What a rule, saved or not, would do with each of these records. Nothing stays of it. */
    fun simulate(rule: DefineRule, records: List<String>): RuleSimulation =
        engine.simulateRule(SimulateRule(rule, records))
}
