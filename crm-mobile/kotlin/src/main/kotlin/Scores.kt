package org.crmcore

import java.time.Instant
import org.crmcore.engine.Engine
import org.crmcore.model.AddScorePoints
import org.crmcore.model.CloneScore
import org.crmcore.model.DefineScore
import org.crmcore.model.DefineScorePreset
import org.crmcore.model.Empty
import org.crmcore.model.GetScore
import org.crmcore.model.GetScoreHistory
import org.crmcore.model.Progress
import org.crmcore.model.RankScores
import org.crmcore.model.ReadScore
import org.crmcore.model.RescoreReport
import org.crmcore.model.ScoreAnswer
import org.crmcore.model.ScoreAxis
import org.crmcore.model.ScoreExplanation
import org.crmcore.model.ScoreGroup
import org.crmcore.model.ScoreHistory
import org.crmcore.model.ScoreLevel
import org.crmcore.model.ScoreModel
import org.crmcore.model.ScoreName
import org.crmcore.model.ScorePreset
import org.crmcore.model.ScoreRanking

/**
 * Models, and what records score. Scores are in thousandths of a point, so that they add up exactly.
 *
 * ```kotlin
 * val german = ScoreRule("german", points = 20, condition = "country = \"DE\"")
 * crm.scores.define("fit", "contact", listOf(ScoreGroup("fit", rules = listOf(german))))
 * crm.scores.publish("fit")
 * println(crm.scores.read("fit", ann.id).record.score)
 * ```
 *
 * It holds nothing: make one whenever it is needed.
 */
class Scores internal constructor(private val engine: Engine) {
    /**
     * Defines the score [name] of the entity type [type], or changes its draft: what is stated is all of it. A draft
     * scores nobody until it is published.
     */
    fun define(
        name: String,
        type: String,
        groups: List<ScoreGroup>,
        thresholds: List<ScoreLevel> = emptyList(),
        grade: List<ScoreAxis> = emptyList(),
        min: Long? = null,
        max: Long? = null,
        label: String = "",
        description: String = "",
    ): ScoreModel = engine.defineScore(DefineScore(name, type, label, description, groups, min, max, thresholds, grade))

    /** Defines one of the ready-made scores, as a draft. */
    fun definePreset(preset: ScorePreset): ScoreModel = engine.defineScorePreset(DefineScorePreset(preset))

    /** Publishes the draft: by it records score from now on. [rescore] then scores all at once. */
    fun publish(model: String): ScoreModel = engine.publishScore(ScoreName(model))

    /** Retires the published version: records no longer score by it. */
    fun retire(model: String): ScoreModel = engine.retireScore(ScoreName(model))

    /** Copies a version into the draft of the score [name]. */
    fun clone(model: String, name: String, version: Long? = null): ScoreModel =
        engine.cloneScore(CloneScore(model, version, name))

    /** The published version, or another one; throws `CrmException.NotFound` if there is none. */
    fun get(model: String, version: Long? = null): ScoreModel = engine.getScore(GetScore(model, version))

    /** Every version of every score, by name and version. */
    fun list(): List<ScoreModel> = engine.listScores(Empty())

    /** What a record scores at a moment, now by default; a draft is tried out by [version]. */
    fun read(model: String, id: String, at: Instant? = null, version: Long? = null): ScoreAnswer =
        engine.readScore(ReadScore(model, id, at, version))

    /**
     * Adds points to what a record scores, from [at] on, now by default. They fade and are capped as the points of their
     * [group] are, which may be left out if the score has no other. What was too much is taken back by negative points.
     */
    fun addPoints(
        model: String,
        id: String,
        points: Long,
        group: String? = null,
        at: Instant? = null,
        reason: String? = null,
    ): ScoreAnswer = engine.addScorePoints(AddScorePoints(model, id, points, group, at, reason))

    /** Every contribution with its evidence; the last column sums up to the score. */
    fun explain(model: String, id: String, at: Instant? = null, version: Long? = null): ScoreExplanation =
        engine.explainScore(ReadScore(model, id, at, version))

    /** The records by what they score at a moment, the highest first; of which [where] is true, if it is given. */
    fun ranking(
        model: String,
        at: Instant? = null,
        after: String? = null,
        limit: Int = 100,
        where: String? = null,
    ): ScoreRanking = engine.rankScores(RankScores(model, where, at, after, limit.toUInt()))

    /** Which thresholds a record crossed. */
    fun history(model: String, id: String, after: Long = 0, limit: Int = 100): ScoreHistory =
        engine.getScoreHistory(GetScoreHistory(model, id, after, limit.toUInt()))

    /**
     * Scores every record anew, so that a ranking is quick. Where [progress] returns false, the answer says that it is
     * not complete; what was done is kept.
     */
    fun rescore(model: String, progress: ((Progress) -> Boolean)? = null): RescoreReport =
        watched(progress) { engine.rescore(ScoreName(model), it) }
}
