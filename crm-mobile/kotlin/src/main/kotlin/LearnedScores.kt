package org.crmcore

import java.time.Instant
import org.crmcore.engine.Engine
import org.crmcore.model.BacktestScore
import org.crmcore.model.Empty
import org.crmcore.model.ExplainLearnedScore
import org.crmcore.model.GetLearnedScore
import org.crmcore.model.LeakReport
import org.crmcore.model.LearnedExplanation
import org.crmcore.model.LearnedOutcome
import org.crmcore.model.LearnedRanking
import org.crmcore.model.LearnedScore
import org.crmcore.model.LearnedScoreName
import org.crmcore.model.Progress
import org.crmcore.model.RankRecords
import org.crmcore.model.ScoreBacktest
import org.crmcore.model.ScoreCandidate
import org.crmcore.model.ScoreTier
import org.crmcore.model.TrainLearnedScore

/** What a learned score foretells. */
object Outcome {
    /** That a [condition], as text or JSON, will be true. */
    fun of(condition: String): LearnedOutcome = LearnedOutcome(condition = condition)

    /** That a [stage] of a lifecycle will be reached. */
    fun stage(lifecycle: String, stage: String): LearnedOutcome = LearnedOutcome(lifecycle = lifecycle, stage = stage)
}

/** What is back-tested. */
object Candidate {
    /** A learned score, the latest [version] by default; it must not know anything from after the moment. */
    fun learned(name: String, version: Int? = null): ScoreCandidate =
        ScoreCandidate(learned = name, version = version?.toUInt())

    /** A score of rules, the published [version] by default. */
    fun model(name: String, version: Int? = null): ScoreCandidate =
        ScoreCandidate(model = name, version = version?.toUInt())

    /** An attribute that is a number. */
    fun attribute(name: String): ScoreCandidate = ScoreCandidate(attribute = name)

    /** A condition, as text or JSON: true is a higher score than false. */
    fun condition(condition: String): ScoreCandidate = ScoreCandidate(condition = condition)
}

/**
 * The probability that something comes of a record, learned from others.
 *
 * ```kotlin
 * val recipe = TrainLearnedScore("buys", "contact", Outcome.of("phone is set"), fields = listOf("country"))
 * println(crm.learnedScores.findLeaks(recipe).leaks)
 * println(crm.learnedScores.train(recipe).quality?.auc)
 * ```
 *
 * It holds nothing: make one whenever it is needed. Where `progress` returns false, a job ends with
 * `CrmException.Interrupted`, and nothing is saved.
 */
class LearnedScores internal constructor(private val engine: Engine) {
    /** Learns a score and saves it as a new version. Leaks are looked for first, and refused by name. */
    fun train(recipe: TrainLearnedScore, progress: ((Progress) -> Boolean)? = null): LearnedScore =
        watched(progress) { engine.trainLearnedScore(recipe, it) }

    /** Says of each feature what it alone tells of the outcome, and which were filled in after it. Nothing is saved. */
    fun findLeaks(recipe: TrainLearnedScore, progress: ((Progress) -> Boolean)? = null): LeakReport =
        watched(progress) { engine.findLeaks(recipe, it) }

    /** A version with its model and how good it is; the latest by default. */
    operator fun get(name: String, version: Int? = null): LearnedScore =
        engine.getLearnedScore(GetLearnedScore(name, version?.toUInt()))

    /** The latest version of every learned score, archived ones included, by name. */
    fun list(): List<LearnedScore> = engine.listLearnedScores(Empty())

    /** Archives a score with all versions: it stays readable, and nothing is scored with it. */
    fun archive(name: String): LearnedScore = engine.archiveLearnedScore(LearnedScoreName(name))

    /** Takes a score out of the archive. */
    fun restore(name: String): LearnedScore = engine.restoreLearnedScore(LearnedScoreName(name))

    /** What each feature adds to the log-odds of a record: with the intercept, exactly all of them. */
    fun explain(name: String, id: String, version: Int? = null): LearnedExplanation =
        engine.explainLearnedScore(ExplainLearnedScore(name, version?.toUInt(), id))

    /** The records with the highest scores, of those for which [where] is true: a condition as text or JSON. */
    fun rank(
        name: String,
        where: String? = null,
        limit: Int = 100,
        version: Int? = null,
        progress: ((Progress) -> Boolean)? = null,
    ): LearnedRanking =
        watched(progress) { engine.rankRecords(RankRecords(name, version?.toUInt(), where, limit.toUInt()), it) }

    /**
     * Scores records of the entity type [type] as of [asOf], with what had been recorded by then, and holds that beside
     * what came [until] later: now, if it is left out. [other] is another score of the same records to compare with.
     */
    fun backtest(
        type: String,
        outcome: LearnedOutcome,
        score: ScoreCandidate,
        asOf: Instant,
        other: ScoreCandidate? = null,
        until: Instant? = null,
        where: String? = null,
        tiers: List<ScoreTier> = emptyList(),
        progress: ((Progress) -> Boolean)? = null,
    ): ScoreBacktest = watched(progress) {
        engine.backtestScore(BacktestScore(type, outcome, score, other, asOf, until, where, tiers), it)
    }
}
