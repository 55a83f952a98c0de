import Foundation

/// Models, and what records score: `crm.scores`. Scores are in thousandths of a point, so that they add
/// up exactly.
///
/// Every method forwards to the engine; the errors are those of ``CrmError``.
public struct Scores: Sendable {
    let crm: Crm

    /// Defines a score of an entity type, or changes its draft: what is stated is all of it.
    ///
    /// A draft scores nobody until it is published.
    @discardableResult
    public func define(
        _ name: String, of type: String, _ groups: [ScoreGroup], thresholds: [ScoreLevel] = [],
        grade: [ScoreAxis] = [], min: Int64? = nil, max: Int64? = nil, label: String = "",
        description: String = ""
    ) throws -> ScoreModel {
        try crm.defineScore(
            request: DefineScore(
                name: name, entityType: type, label: label, description: description,
                groups: groups, min: min, max: max, thresholds: thresholds, grade: grade))
    }

    /// Defines one of the ready-made scores, as a draft.
    @discardableResult
    public func define(preset: ScorePreset) throws -> ScoreModel {
        try crm.defineScorePreset(request: DefineScorePreset(preset: preset))
    }

    /// Publishes the draft: by it records score from now on. ``rescore(_:progress:)`` then scores all at
    /// once.
    @discardableResult
    public func publish(_ model: String) throws -> ScoreModel {
        try crm.publishScore(request: ScoreName(model: model))
    }

    /// Retires the published version: records no longer score by it.
    @discardableResult
    public func retire(_ model: String) throws -> ScoreModel {
        try crm.retireScore(request: ScoreName(model: model))
    }

    /// Copies a version into the draft of another score, or of the same one.
    @discardableResult
    public func clone(_ model: String, as name: String, version: Int64? = nil) throws -> ScoreModel {
        try crm.cloneScore(request: CloneScore(model: model, version: version, name: name))
    }

    /// The published version, or another one.
    public func get(_ model: String, version: Int64? = nil) throws -> ScoreModel {
        try crm.getScore(request: GetScore(model: model, version: version))
    }

    /// Every version of every score, by name and version.
    public func list() throws -> [ScoreModel] { try crm.listScores(request: Empty()) }

    /// What a record scores at a moment, now by default; a draft is tried out by its version.
    public func read(
        _ id: RecordId, in model: String, at: Date? = nil, version: Int64? = nil
    ) throws -> ScoreAnswer {
        try crm.readScore(request: ReadScore(model: model, id: id, at: at, version: version))
    }

    /// Adds points to what a record scores, from a moment on, now by default.
    ///
    /// They fade and are capped as the points of their group are, which may be left out if the score has
    /// no other. What was too much is taken back by negative points.
    @discardableResult
    public func add(
        _ points: Int64, to id: RecordId, in model: String, group: String? = nil, at: Date? = nil,
        reason: String? = nil
    ) throws -> ScoreAnswer {
        try crm.addScorePoints(
            request: AddScorePoints(
                model: model, id: id, points: points, group: group, at: at, reason: reason))
    }

    /// Every contribution with its evidence; the last column sums up to the score.
    public func explain(
        _ id: RecordId, in model: String, at: Date? = nil, version: Int64? = nil
    ) throws -> ScoreExplanation {
        try crm.explainScore(request: ReadScore(model: model, id: id, at: at, version: version))
    }

    /// The records by what they score at a moment, the highest first; those of which the condition is true,
    /// if there is one.
    public func ranking(
        _ model: String, where condition: (any ConditionConvertible)? = nil, at: Date? = nil,
        after: String? = nil, limit: UInt32 = 100
    ) throws -> ScoreRanking {
        try crm.rankScores(
            request: RankScores(
                model: model, condition: condition?.condition, at: at, after: after, limit: limit))
    }

    /// Which thresholds a record crossed.
    public func history(
        _ id: RecordId, in model: String, after: Int64 = 0, limit: UInt32 = 100
    ) throws -> ScoreHistory {
        try crm.getScoreHistory(
            request: GetScoreHistory(model: model, id: id, after: after, limit: limit))
    }

    /// Scores every record anew, so that a ranking is quick. `progress` is told how far it is and returns
    /// whether to go on; what was done is kept.
    @discardableResult
    public func rescore(
        _ model: String, progress: (@Sendable (Progress) -> Bool)? = nil
    ) throws -> RescoreReport {
        try crm.rescore(
            request: ScoreName(model: model), listener: progress.map(ClosureListener.init))
    }
}
