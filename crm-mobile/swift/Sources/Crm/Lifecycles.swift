import Foundation

extension Stage {
    /// A stage of a lifecycle.
    ///
    /// `required` are attributes that a record needs from here on, `guard` is a condition on whoever comes
    /// here. A stage that is lost, or beside the way, may list `reasons` and let triggers lead out of it;
    /// to one that is `onlyAutomatic` people do not lead. `leaveWithin` are times in which a record is to go
    /// on from here.
    public init(
        _ name: String, _ kind: StageKind = .open, label: String = "", probability: Double? = nil,
        required: [String] = [], guard condition: (any ConditionConvertible)? = nil,
        reasons: [String] = [], automaticExit: Bool = false, onlyAutomatic: Bool = false,
        leaveWithin: [TimeSpan] = []
    ) {
        self.init(
            name: name, label: label, kind: kind, probability: probability, required: required,
            guard: condition?.condition, reasons: reasons, automaticExit: automaticExit,
            onlyAutomatic: onlyAutomatic, leaveWithin: leaveWithin.map(\.text))
    }
}

extension Stage: ExpressibleByStringLiteral {
    /// An open stage of this name.
    public init(stringLiteral name: String) { self.init(name) }
}

/// Stages, and where records stand on them: `crm.lifecycles`.
///
/// Every method forwards to the engine; the errors are those of ``CrmError``.
public struct Lifecycles: Sendable {
    let crm: Crm

    /// Defines a lifecycle of an entity type, or changes one: what is stated is all of it.
    ///
    /// `map` says for stages that are gone, and on which records stand or stood, which stage takes their
    /// place; with `dryRun` it only says what it would do.
    @discardableResult
    public func define(
        _ name: String, of type: String, _ stages: [Stage], triggers: [StageTrigger] = [],
        initial: String? = nil, map: [String: String] = [:], dryRun: Bool = false,
        label: String = "", description: String = ""
    ) throws -> DefinedLifecycle {
        let pairs = map.sorted { $0.key < $1.key }
        return try crm.defineLifecycle(
            request: DefineLifecycle(
                name: name, entityType: type, label: label, description: description,
                stages: stages, initial: initial, triggers: triggers,
                map: pairs.map { StageMapping(stage: $0.key, becomes: $0.value) }, dryRun: dryRun))
    }

    /// Defines one of the ready-made lifecycles.
    @discardableResult
    public func define(preset: LifecyclePreset) throws -> Lifecycle {
        try crm.defineLifecyclePreset(request: DefineLifecyclePreset(preset: preset))
    }

    /// The definition of a lifecycle, or an older version.
    public func get(_ lifecycle: String, version: Int64? = nil) throws -> Lifecycle {
        try crm.getLifecycle(request: GetLifecycle(lifecycle: lifecycle, version: version))
    }

    /// All lifecycles, archived ones included, by name.
    public func list() throws -> [Lifecycle] { try crm.listLifecycles(request: Empty()) }

    /// Archives a lifecycle: records stay where they stand, and are no longer moved.
    @discardableResult
    public func archive(_ lifecycle: String) throws -> Lifecycle {
        try crm.archiveLifecycle(request: LifecycleName(lifecycle: lifecycle))
    }

    /// Takes a lifecycle out of the archive. What happened meanwhile is not made up for.
    @discardableResult
    public func restore(_ lifecycle: String) throws -> Lifecycle {
        try crm.restoreLifecycle(request: LifecycleName(lifecycle: lifecycle))
    }

    /// Moves a record to a later stage, or to one that is lost, which takes a reason, or beside the way.
    ///
    /// It throws `refused` if the stage lies before the present one, or its guard is not met. `at` is
    /// when it happened, now by default; `activity` the one that shows it.
    @discardableResult
    public func move(
        _ id: RecordId, in lifecycle: String, to stage: String, reason: String? = nil,
        at: Date? = nil, activity: RecordId? = nil
    ) throws -> MovedStage {
        try crm.moveStage(
            request: MoveStage(
                lifecycle: lifecycle, id: id, to: stage, reason: reason, at: at,
                activityId: activity))
    }

    /// Puts a record back to an earlier stage of the same cycle, for a reason.
    @discardableResult
    public func reset(
        _ id: RecordId, in lifecycle: String, to stage: String, reason: String, at: Date? = nil
    ) throws -> MovedStage {
        try crm.resetStage(
            request: ResetStage(lifecycle: lifecycle, id: id, to: stage, reason: reason, at: at))
    }

    /// Where a record stands, how it came there, and which automatic moves were not made.
    public func history(
        _ id: RecordId, in lifecycle: String, after: Int64 = 0, limit: UInt32 = 100
    ) throws -> LifecycleHistory {
        try crm.getLifecycleHistory(
            request: GetLifecycleHistory(
                lifecycle: lifecycle, id: id, after: after, limit: limit))
    }

    /// How long a record stood on each stage up to a moment: now, last, and altogether.
    public func times(_ id: RecordId, in lifecycle: String, at: Date? = nil) throws -> StageTimes {
        try crm.getStageTimes(request: GetStageTimes(lifecycle: lifecycle, id: id, at: at))
    }

    /// How many of those who began in a time reached each stage, went on, are lost or wait, and how long
    /// they took; with `condition` only of the records for which it is true now.
    public func funnel(
        _ lifecycle: String, from: Date? = nil, until: Date? = nil,
        where condition: (any ConditionConvertible)? = nil, quantiles: [Double] = []
    ) throws -> Funnel {
        try crm.getFunnel(
            request: GetFunnel(
                lifecycle: lifecycle, from: from, until: until, condition: condition?.condition,
                quantiles: quantiles))
    }

    /// What part of the new customers came by existing ones, and where the way to becoming one rubs. `stage`
    /// makes a customer, the first that is won by default; `referral` are ways to whoever brought a record,
    /// `repeat` to whoever bought.
    public func flywheel(
        _ lifecycle: String, stage: String? = nil, from: Date? = nil, until: Date? = nil,
        referral: [RelatedStage] = [], repeat bought: [RelatedStage] = []
    ) throws -> Flywheel {
        try crm.getFlywheel(
            request: GetFlywheel(
                lifecycle: lifecycle, stage: stage, from: from, until: until, referral: referral,
                repeat: bought))
    }

    /// Records that stand on a stage for longer than a span, the longest first; on every open stage unless
    /// `stages` says which. Hand in the `next` of one page as `after`, with the same `at`.
    public func stuck(
        _ lifecycle: String, longerThan span: TimeSpan, stages: [String] = [], at: Date? = nil,
        after: String? = nil, limit: UInt32 = 100
    ) throws -> StuckPage {
        try crm.findStuck(
            request: FindStuck(
                lifecycle: lifecycle, stages: stages, longerThan: span.text, at: at, after: after,
                limit: limit))
    }

    /// Whether those who came to a stage left it within a span, and who did not. With `to`, only who
    /// came to that stage, or to one after it, was taken on.
    public func acceptance(
        _ lifecycle: String, stage: String, within span: TimeSpan, to: String? = nil,
        from: Date? = nil, until: Date? = nil, at: Date? = nil, after: String? = nil,
        limit: UInt32 = 100
    ) throws -> Acceptance {
        try crm.getAcceptance(
            request: GetAcceptance(
                lifecycle: lifecycle, stage: stage, within: span.text, to: to, from: from,
                until: until, at: at, after: after, limit: limit))
    }

    /// Why a record stands where it does, and what would move it.
    public func explain(_ id: RecordId, in lifecycle: String) throws -> StageExplanation {
        try crm.explainStage(request: ExplainStage(lifecycle: lifecycle, id: id))
    }

    /// A drawing of a lifecycle as text, for Mermaid or Graphviz.
    public func draw(_ lifecycle: String, as format: DrawingFormat = .mermaid) throws -> String {
        try crm.drawLifecycle(request: DrawLifecycle(lifecycle: lifecycle, format: format)).text
    }
}
