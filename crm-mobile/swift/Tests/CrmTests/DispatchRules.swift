import Crm
import Foundation

// The branches of rules.

private func name(_ given: Json) throws -> RuleName {
    RuleName(rule: try given.only("rule").string("rule"))
}

extension Json {
    /// The only member of an object: the case of an enumeration, and what it holds.
    fileprivate func member() throws -> (String, Json) {
        guard let members, members.count == 1, let member = members.first else {
            throw BadCase(description: "exactly one member is expected")
        }
        return (member.key, member.value)
    }

    fileprivate func onStage() throws -> OnStage {
        _ = try only("lifecycle", "stage")
        return OnStage(lifecycle: try string("lifecycle"), stage: self["stage"].text)
    }

    fileprivate func onSegment() throws -> OnSegment {
        _ = try only("segment")
        return OnSegment(segment: try string("segment"))
    }

    fileprivate func membership() throws -> ChangeMembership {
        _ = try only("segment", "reason")
        return ChangeMembership(segment: try string("segment"), reason: self["reason"].text)
    }

    fileprivate func ruleTrigger() throws -> RuleTrigger {
        let (name, given) = try member()
        switch name {
        case "activity":
            _ = try given.only("kind", "filter")
            return .activity(
                OnActivity(kind: try given.string("kind"), filter: try given.condition("filter")))
        case "stage_entered": return .stageEntered(try given.onStage())
        case "stage_left": return .stageLeft(try given.onStage())
        case "attribute_changed":
            _ = try given.only("attribute", "from", "to")
            return .attributeChanged(
                OnAttribute(
                    attribute: try given.string("attribute"), from: try given.optional("from"),
                    to: try given.optional("to")))
        case "date_reached":
            _ = try given.only("attribute", "before", "after")
            return .dateReached(
                OnDate(
                    attribute: try given.string("attribute"), before: given["before"].text,
                    after: given["after"].text))
        case "score_crossed":
            _ = try given.only("score", "threshold", "is_down")
            return .scoreCrossed(
                OnScore(
                    score: try given.string("score"), threshold: given["threshold"].text,
                    isDown: given["is_down"].bool ?? false))
        case "segment_entered": return .segmentEntered(try given.onSegment())
        case "segment_left": return .segmentLeft(try given.onSegment())
        case "stage_overdue":
            _ = try given.only("lifecycle", "stage", "within")
            return .stageOverdue(
                OnOverdue(
                    lifecycle: try given.string("lifecycle"), stage: given["stage"].text,
                    within: given["within"].text))
        default: throw BadCase(description: "nothing of \(name) sets a rule off")
        }
    }

    fileprivate func ruleAction() throws -> RuleAction {
        let (name, given) = try member()
        switch name {
        case "set_attribute":
            _ = try given.only("attribute", "value", "formula")
            return .setAttribute(
                SetAttribute(
                    attribute: try given.string("attribute"), value: try given.optional("value"),
                    formula: given["formula"].text))
        case "move_stage":
            _ = try given.only("lifecycle", "to", "reason")
            return .moveStage(
                MoveToStage(
                    lifecycle: try given.string("lifecycle"), to: try given.string("to"),
                    reason: given["reason"].text))
        case "create_task":
            _ = try given.only("title", "body", "assignee", "due_in", "association")
            return .createTask(
                CreateTask(
                    title: try given.string("title"), body: given["body"].text,
                    assignee: given["assignee"].text, dueIn: given["due_in"].text,
                    association: given["association"].text))
        case "emit":
            _ = try given.only("event", "fields")
            return .emit(
                EmitEvent(
                    event: try given.string("event"),
                    fields: try given.list("fields") { try $0.wanted($0.text) }))
        case "add_to_segment": return .addToSegment(try given.membership())
        case "remove_from_segment": return .removeFromSegment(try given.membership())
        case "add_points":
            _ = try given.only("score", "points", "group", "reason")
            return .addPoints(
                AddPoints(
                    score: try given.string("score"),
                    points: try given.wanted(given["points"].integer),
                    group: given["group"].text, reason: given["reason"].text))
        default: throw BadCase(description: "no rule does \(name)")
        }
    }

    fileprivate func rule() throws -> DefineRule {
        _ = try only(
            "name", "type", "label", "description", "on", "where", "actions", "dry_run")
        return DefineRule(
            name: try string("name"), entityType: try string("type"),
            label: self["label"].text ?? "", description: self["description"].text ?? "",
            on: try self["on"].ruleTrigger(), condition: try condition("where"),
            actions: try list("actions") { try $0.ruleAction() },
            dryRun: self["dry_run"].bool ?? false)
    }
}

let ruleBranches: [String: Branch] = [
    "rules.archive": { try $0.archiveRule(request: try name($1)).json },
    "rules.define": { crm, given in
        let defined = try crm.defineRule(request: try given.rule())
        return .object(["rule": defined.rule.json, "is_saved": .bool(defined.isSaved)])
    },
    "rules.get": { crm, given in
        let given = try given.only("rule", "version")
        let request = GetRule(rule: try given.string("rule"), version: given["version"].integer)
        return try crm.getRule(request: request).json
    },
    "rules.list": { crm, given in
        _ = try given.only()
        return json(try crm.listRules(request: Empty()))
    },
    "rules.restore": { try $0.restoreRule(request: try name($1)).json },
    "rules.runs": { crm, given in
        let given = try given.only("rule", "id", "after", "limit")
        let page = try crm.listRuleRuns(
            request: ListRuleRuns(
                rule: try given.string("rule"), id: given["id"].text,
                after: given["after"].integer ?? 0, limit: given.limit("limit", 100)))
        return .object(["runs": json(page.runs), "next": json(page.next)])
    },
    "rules.simulate": { crm, given in
        let given = try given.only("rule", "records")
        let simulation = try crm.simulateRule(
            request: SimulateRule(
                rule: try given["rule"].rule(),
                records: try given.list("records") { try $0.wanted($0.text) }))
        return .object([
            "records": json(simulation.records), "would_run": json(simulation.wouldRun),
        ])
    },
]

private func parsed(_ condition: Condition?) -> Json {
    condition.flatMap { try? JsonParser.parse(Data($0.utf8)) } ?? .null
}

extension OnStage: Wire {
    var json: Json {
        .object(["lifecycle": .text(lifecycle), "stage": CrmTests.json(stage)])
    }
}

extension ChangeMembership: Wire {
    var json: Json {
        .object(["segment": .text(segment), "reason": CrmTests.json(reason)])
    }
}

extension RuleTrigger: Wire {
    var json: Json {
        switch self {
        case .activity(let on):
            .object([
                "activity": .object(["kind": .text(on.kind), "filter": parsed(on.filter)])
            ])
        case .stageEntered(let on): .object(["stage_entered": on.json])
        case .stageLeft(let on): .object(["stage_left": on.json])
        case .attributeChanged(let on):
            .object([
                "attribute_changed": .object([
                    "attribute": .text(on.attribute), "from": CrmTests.json(on.from),
                    "to": CrmTests.json(on.to),
                ])
            ])
        case .dateReached(let on):
            .object([
                "date_reached": .object([
                    "attribute": .text(on.attribute), "before": CrmTests.json(on.before),
                    "after": CrmTests.json(on.after),
                ])
            ])
        case .scoreCrossed(let on):
            .object([
                "score_crossed": .object([
                    "score": .text(on.score), "threshold": CrmTests.json(on.threshold),
                    "is_down": .bool(on.isDown),
                ])
            ])
        case .segmentEntered(let on):
            .object(["segment_entered": .object(["segment": .text(on.segment)])])
        case .segmentLeft(let on):
            .object(["segment_left": .object(["segment": .text(on.segment)])])
        case .stageOverdue(let on):
            .object([
                "stage_overdue": .object([
                    "lifecycle": .text(on.lifecycle), "stage": CrmTests.json(on.stage),
                    "within": CrmTests.json(on.within),
                ])
            ])
        }
    }
}

extension RuleAction: Wire {
    var json: Json {
        switch self {
        case .setAttribute(let action):
            .object([
                "set_attribute": .object([
                    "attribute": .text(action.attribute), "value": CrmTests.json(action.value),
                    "formula": CrmTests.json(action.formula),
                ])
            ])
        case .moveStage(let action):
            .object([
                "move_stage": .object([
                    "lifecycle": .text(action.lifecycle), "to": .text(action.to),
                    "reason": CrmTests.json(action.reason),
                ])
            ])
        case .createTask(let action):
            .object([
                "create_task": .object([
                    "title": .text(action.title), "body": CrmTests.json(action.body),
                    "assignee": CrmTests.json(action.assignee),
                    "due_in": CrmTests.json(action.dueIn),
                    "association": CrmTests.json(action.association),
                ])
            ])
        case .emit(let action):
            .object([
                "emit": .object([
                    "event": .text(action.event),
                    "fields": .array(action.fields.map { .text($0) }),
                ])
            ])
        case .addToSegment(let action): .object(["add_to_segment": action.json])
        case .removeFromSegment(let action): .object(["remove_from_segment": action.json])
        case .addPoints(let action):
            .object([
                "add_points": .object([
                    "score": .text(action.score), "points": .integer(action.points),
                    "group": CrmTests.json(action.group), "reason": CrmTests.json(action.reason),
                ])
            ])
        }
    }
}

extension Rule: Wire {
    var json: Json {
        .object([
            "name": .text(name), "type": .text(entityType), "label": .text(label),
            "description": .text(description), "version": .integer(version), "on": on.json,
            "where": parsed(condition), "actions": CrmTests.json(actions),
            "archived_at": CrmTests.json(archivedAt),
        ])
    }
}

extension ActionResult: Wire {
    var json: Json {
        .object([
            "action": .text(action), "outcome": .text("\(outcome)"),
            "problem": problem?.json ?? .null,
        ])
    }
}

extension RuleRun: Wire {
    var json: Json {
        let steps = chain.map {
            Json.object([
                "rule": .text($0.rule), "version": .integer($0.version), "record": $0.record.json,
            ])
        }
        let told = Json.object([
            "kind": .text(snake("\(event.kind)")), "seq": CrmTests.json(event.seq),
            "activity_id": CrmTests.json(event.activityId),
            "attribute": CrmTests.json(event.attribute), "stage": CrmTests.json(event.stage),
            "threshold": CrmTests.json(event.threshold),
            "segment": CrmTests.json(event.segment), "within": CrmTests.json(event.within),
        ])
        return .object([
            "rule": .text(rule), "version": .integer(version), "record": record.json,
            "at": CrmTests.json(at), "event": told, "chain": .array(steps),
            "actions": CrmTests.json(actions),
            "skipped": CrmTests.json(skipped.map { snake("\($0)") }),
            "first_seq": .integer(firstSeq), "seq": .integer(seq), "actor": .text(actor),
        ])
    }
}

extension SimulatedRun: Wire {
    var json: Json {
        let asked = leaves.map {
            Json.object([
                "path": .text($0.path), "text": .text($0.text), "is_true": .bool($0.isTrue),
                "reason": .text($0.reason),
            ])
        }
        return .object([
            "id": .text(id), "would_run": .bool(wouldRun), "leaves": .array(asked),
            "actions": CrmTests.json(actions), "runs": CrmTests.json(runs),
            "changes": CrmTests.json(changes),
        ])
    }
}
