import Foundation

extension RuleTrigger {
    /// An activity of this kind, if the filter is true for it.
    public static func activity(_ kind: String, where filter: (any ConditionConvertible)? = nil)
        -> RuleTrigger
    {
        .activity(OnActivity(kind: kind, filter: filter?.condition))
    }

    /// The record comes to a stage of a lifecycle; to any if it is left out.
    public static func entered(_ stage: String? = nil, in lifecycle: String) -> RuleTrigger {
        .stageEntered(OnStage(lifecycle: lifecycle, stage: stage))
    }

    /// The record leaves a stage of a lifecycle; any if it is left out.
    public static func left(_ stage: String? = nil, in lifecycle: String) -> RuleTrigger {
        .stageLeft(OnStage(lifecycle: lifecycle, stage: stage))
    }

    /// An attribute gets another value: from one and to one, where they are given.
    public static func changed(_ attribute: String, from: Value? = nil, to: Value? = nil)
        -> RuleTrigger
    {
        .attributeChanged(OnAttribute(attribute: attribute, from: from, to: to))
    }

    /// The date of an attribute has come, or a span before or after it such as `P7D`.
    public static func date(_ attribute: String, before: String? = nil, after: String? = nil)
        -> RuleTrigger
    {
        .dateReached(OnDate(attribute: attribute, before: before, after: after))
    }

    /// The score crosses a threshold, any if it is left out: upwards, or down.
    public static func scored(_ score: String, _ threshold: String? = nil, down: Bool = false)
        -> RuleTrigger
    {
        .scoreCrossed(OnScore(score: score, threshold: threshold, isDown: down))
    }

    /// The record becomes a member of a segment, by hand or by itself.
    public static func entered(segment: String) -> RuleTrigger {
        .segmentEntered(OnSegment(segment: segment))
    }

    /// The record ceases to be a member of a segment.
    public static func left(segment: String) -> RuleTrigger {
        .segmentLeft(OnSegment(segment: segment))
    }

    /// The record stands on a stage, any if it is left out, for longer than its times say, or than one.
    public static func overdue(
        _ stage: String? = nil, in lifecycle: String, within: String? = nil
    ) -> RuleTrigger {
        .stageOverdue(OnOverdue(lifecycle: lifecycle, stage: stage, within: within))
    }
}

extension RuleAction {
    /// Gives an attribute a value; `nil` clears it.
    public static func set(_ attribute: String, to value: Value?) -> RuleAction {
        .setAttribute(SetAttribute(attribute: attribute, value: value))
    }

    /// Gives an attribute what a formula gives, over the record as it is then.
    public static func calculate(_ attribute: String, _ formula: String) -> RuleAction {
        .setAttribute(SetAttribute(attribute: attribute, formula: formula))
    }

    /// Moves the record to a stage, as a trigger of the lifecycle would.
    public static func move(to stage: String, in lifecycle: String, reason: String? = nil)
        -> RuleAction
    {
        .moveStage(MoveToStage(lifecycle: lifecycle, to: stage, reason: reason))
    }

    /// Adds a task, due in a span such as `P3D`, that `association` links to the record.
    public static func task(
        _ title: String, body: String? = nil, assignee: String? = nil, dueIn: String? = nil,
        association: String? = nil
    ) -> RuleAction {
        .createTask(
            CreateTask(
                title: title, body: body, assignee: assignee, dueIn: dueIn,
                association: association))
    }

    /// Makes the record a member of a static segment.
    public static func add(to segment: String, reason: String? = nil) -> RuleAction {
        .addToSegment(ChangeMembership(segment: segment, reason: reason))
    }

    /// Removes the record from a static segment.
    public static func remove(from segment: String, reason: String? = nil) -> RuleAction {
        .removeFromSegment(ChangeMembership(segment: segment, reason: reason))
    }

    /// Adds points to a group of a score, which may be left out if the score has no other.
    public static func points(
        _ points: Int64, to score: String, group: String? = nil, reason: String? = nil
    ) -> RuleAction {
        .addPoints(AddPoints(score: score, points: points, group: group, reason: reason))
    }

    /// Tells the host of an event, with the values of these attributes.
    public static func emit(_ event: String, _ fields: String...) -> RuleAction {
        .emit(EmitEvent(event: event, fields: fields))
    }
}

/// What is done when something happens with a record: `crm.rules`.
///
/// Every method forwards to the engine; the errors are those of ``CrmError``.
public struct Rules: Sendable {
    let crm: Crm

    /// Defines a rule of an entity type, or changes one: what is stated is all of it.
    ///
    /// `condition` must be true of the record as well; with `dryRun` it is only said whether the rule
    /// holds. A rule that would set itself off is refused.
    @discardableResult
    public func define(
        _ name: String, of type: String, on trigger: RuleTrigger, _ actions: [RuleAction],
        where condition: (any ConditionConvertible)? = nil, dryRun: Bool = false,
        label: String = "", description: String = ""
    ) throws -> DefinedRule {
        try crm.defineRule(
            request: DefineRule(
                name: name, entityType: type, label: label, description: description, on: trigger,
                condition: condition?.condition, actions: actions, dryRun: dryRun))
    }

    /// The definition of a rule, or an older version.
    public func get(_ rule: String, version: Int64? = nil) throws -> Rule {
        try crm.getRule(request: GetRule(rule: rule, version: version))
    }

    /// All rules, archived ones included, by name: the order in which they run.
    public func list() throws -> [Rule] { try crm.listRules(request: Empty()) }

    /// Archives a rule: it no longer runs. Its runs stay readable.
    @discardableResult
    public func archive(_ rule: String) throws -> Rule {
        try crm.archiveRule(request: RuleName(rule: rule))
    }

    /// Takes a rule out of the archive. What happened meanwhile is not made up for.
    @discardableResult
    public func restore(_ rule: String) throws -> Rule {
        try crm.restoreRule(request: RuleName(rule: rule))
    }

    /// A page of the runs of a rule, of one record if it is given, those that were skipped among them.
    public func runs(_ rule: String, of id: RecordId? = nil, after: Int64 = 0, limit: UInt32 = 100)
        throws -> RuleRunPage
    {
        try crm.listRuleRuns(
            request: ListRuleRuns(rule: rule, id: id, after: after, limit: limit))
    }

    /// What a rule, saved or not, would do with each of these records. Nothing stays of it.
    public func simulate(_ rule: DefineRule, with records: [RecordId]) throws -> RuleSimulation {
        try crm.simulateRule(request: SimulateRule(rule: rule, records: records))
    }
}
