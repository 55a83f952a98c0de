import Foundation

extension LearnedOutcome {
    /// That a condition will be true.
    public static func when(_ condition: any ConditionConvertible) -> LearnedOutcome {
        LearnedOutcome(condition: condition.condition)
    }

    /// That a stage of a lifecycle will be reached.
    public static func reaches(_ stage: String, in lifecycle: String) -> LearnedOutcome {
        LearnedOutcome(lifecycle: lifecycle, stage: stage)
    }
}

extension ScoreCandidate {
    /// A learned score, the latest version by default; it must not know anything from after the moment.
    public static func learned(_ name: String, version: UInt32? = nil) -> ScoreCandidate {
        ScoreCandidate(learned: name, version: version)
    }

    /// A score of rules, the published version by default.
    public static func model(_ name: String, version: UInt32? = nil) -> ScoreCandidate {
        ScoreCandidate(version: version, model: name)
    }

    /// An attribute that is a number.
    public static func attribute(_ name: String) -> ScoreCandidate {
        ScoreCandidate(attribute: name)
    }

    /// A condition: true is a higher score than false.
    public static func when(_ condition: any ConditionConvertible) -> ScoreCandidate {
        ScoreCandidate(condition: condition.condition)
    }
}

/// The probability that something comes of a record, learned from others: `crm.learnedScores`.
///
/// `progress` is told how far a call is and returns whether to go on; where it does not, the call ends with
/// ``CrmError/Interrupted`` and nothing is saved.
public struct LearnedScores: Sendable {
    /// Is told how far a call is and says whether to go on.
    public typealias Watch = @Sendable (Progress) -> Bool

    let crm: Crm

    /// Learns a score and saves it as a new version. Leaks are looked for first, and refused by name.
    @discardableResult
    public func train(_ recipe: TrainLearnedScore, progress: Watch? = nil) throws -> LearnedScore {
        try crm.trainLearnedScore(
            request: recipe, listener: progress.map(ClosureListener.init))
    }

    /// Says of each feature what it alone tells of the outcome, and which were filled in after it.
    /// Nothing is saved.
    public func findLeaks(_ recipe: TrainLearnedScore, progress: Watch? = nil) throws -> LeakReport {
        try crm.findLeaks(request: recipe, listener: progress.map(ClosureListener.init))
    }

    /// A version with its model and how good it is; the latest by default.
    public func get(_ name: String, version: UInt32? = nil) throws -> LearnedScore {
        try crm.getLearnedScore(request: GetLearnedScore(name: name, version: version))
    }

    /// The latest version of every learned score, archived ones included, by name.
    public func list() throws -> [LearnedScore] { try crm.listLearnedScores(request: Empty()) }

    /// Archives a score with all versions: it stays readable, and nothing is scored with it.
    @discardableResult
    public func archive(_ name: String) throws -> LearnedScore {
        try crm.archiveLearnedScore(request: LearnedScoreName(name: name))
    }

    /// Takes a score out of the archive.
    @discardableResult
    public func restore(_ name: String) throws -> LearnedScore {
        try crm.restoreLearnedScore(request: LearnedScoreName(name: name))
    }

    /// What each feature adds to the log-odds of a record: with the intercept, exactly all of them.
    public func explain(_ id: RecordId, in name: String, version: UInt32? = nil) throws
        -> LearnedExplanation
    {
        try crm.explainLearnedScore(
            request: ExplainLearnedScore(name: name, version: version, id: id))
    }

    /// The records with the highest scores, of those for which a condition is true.
    public func rank(
        _ name: String, where condition: (any ConditionConvertible)? = nil, limit: UInt32 = 100,
        version: UInt32? = nil, progress: Watch? = nil
    ) throws -> LearnedRanking {
        try crm.rankRecords(
            request: RankRecords(
                name: name, version: version, condition: condition?.condition, limit: limit),
            listener: progress.map(ClosureListener.init))
    }

    /// Scores records as of a moment, with what had been recorded by then, and holds that beside what came
    /// until a later one: now, if it is left out. `other` is another score of the same records to compare
    /// with.
    public func backtest(
        _ type: String, _ outcome: LearnedOutcome, _ score: ScoreCandidate, asOf: Date,
        other: ScoreCandidate? = nil, until: Date? = nil,
        where condition: (any ConditionConvertible)? = nil, tiers: [ScoreTier] = [],
        progress: Watch? = nil
    ) throws -> ScoreBacktest {
        try crm.backtestScore(
            request: BacktestScore(
                entityType: type, outcome: outcome, score: score, other: other, asOf: asOf,
                until: until, condition: condition?.condition, tiers: tiers),
            listener: progress.map(ClosureListener.init))
    }
}
