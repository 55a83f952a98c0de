import Crm
import Foundation

// The branches of activities, their kinds, the timeline, search and conditions.

extension Json {
    /// A moment in the proleptic Gregorian calendar, which Foundation's formatters leave before 1582.
    func moment(_ key: String) throws -> Date? {
        guard let text = self[key].text else { return nil }
        let form =
            #/(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(\.\d+)?(Z|[+-]\d\d:\d\d)/#
        let found = try wanted(text.wholeMatch(of: form)).output
        let parts = try [found.1, found.2, found.3, found.4, found.5, found.6].map {
            try wanted(Int($0))
        }
        // Days since 1970-01-01; a year that begins in March puts the leap day last.
        let month = (parts[1] + 9) % 12
        let year = parts[0] - month / 10
        let before = 365 * year + year / 4 - year / 100 + year / 400
        let days = before + (153 * month + 2) / 5 + parts[2] - 719_469
        let seconds = Double(((days * 24 + parts[3]) * 60 + parts[4]) * 60 + parts[5])
        var offset = 0.0
        if found.8 != "Z" {
            let (hours, minutes) = (found.8.dropFirst().prefix(2), found.8.suffix(2))
            offset = try wanted(Double(hours)) * 3600 + wanted(Double(minutes)) * 60
            if found.8.hasPrefix("-") { offset = -offset }
        }
        let fraction = try found.7.map { try wanted(Double("0\($0)")) } ?? 0
        return Date(timeIntervalSince1970: seconds + fraction - offset)
    }

    /// A condition as the engine takes it: text, or an object as its JSON.
    func condition(_ key: String) throws -> Condition? {
        self[key].isNull ? nil : try self[key].text ?? self[key].written
    }

    /// The JSON as text.
    var written: String {
        get throws {
            switch self {
            case .null: return "null"
            case .bool(let value): return value ? "true" : "false"
            case .integer(let number): return String(number)
            case .number(let number): return String(number)
            case .text(let text):
                let data = try JSONSerialization.data(
                    withJSONObject: text, options: [.fragmentsAllowed])
                return String(decoding: data, as: UTF8.self)
            case .array(let items):
                return "[" + (try items.map { try $0.written }).joined(separator: ",") + "]"
            case .object(let members):
                let pairs = try members.map { try "\(Json.text($0).written):\($1.written)" }
                return "{" + pairs.joined(separator: ",") + "}"
            }
        }
    }

    func recordRef() throws -> RecordRef {
        try only("type", "id").then {
            RecordRef(entityType: try $0.string("type"), id: try $0.string("id"))
        }
    }

    func optionalRef(_ key: String) throws -> RecordRef? {
        self[key].isNull ? nil : try self[key].recordRef()
    }

    func activity() throws -> NewActivity {
        _ = try only(
            "kind", "at", "subject", "visitor", "channel", "direction", "properties", "amount",
            "key", "links", "supersedes")
        var amount: Money?
        if case .money(let money) = try self["amount"].value() { amount = money }
        let direction = self["direction"].text
        return NewActivity(
            kind: try string("kind"), at: try wanted(try moment("at")),
            subject: try optionalRef("subject"), visitor: self["visitor"].text,
            channel: self["channel"].text,
            direction: direction.map { $0 == "inbound" ? .inbound : .outbound },
            properties: try values("properties"), amount: amount, key: self["key"].text,
            links: try list("links") {
                let link = try $0.only("type", "id", "role")
                return ActivityLink(
                    entityType: try link.string("type"), id: try link.string("id"),
                    role: link["role"].text ?? "")
            },
            supersedes: self["supersedes"].text)
    }
}

private func kindName(_ given: Json) throws -> ActivityKindName {
    ActivityKindName(kind: try given.only("kind").string("kind"))
}

private func object(_ members: [String: Json]) -> Json { .object(members) }

let activityBranches: [String: Branch] = [
    "activities.get": { crm, given in
        try crm.getActivity(request: GetActivity(id: try given.only("id").string("id"))).json
    },
    "activities.identify": { crm, given in
        let given = try given.only("visitor", "type", "id")
        return try crm.identifyVisitor(
            request: IdentifyVisitor(
                visitor: try given.string("visitor"), entityType: try given.string("type"),
                id: try given.string("id"))
        ).json
    },
    "activities.list": { crm, given in
        let given = try given.only(
            "subject", "visitor", "key", "kinds", "from", "until", "after", "limit")
        let page = try crm.listActivities(
            request: ListActivities(
                subject: try given.optionalRef("subject"), visitor: given["visitor"].text,
                key: given["key"].text, kinds: try given.list("kinds") { try $0.wanted($0.text) },
                from: try given.moment("from"), until: try given.moment("until"),
                after: given["after"].text, limit: given.limit("limit", 100)))
        return object(["activities": json(page.activities), "next": json(page.next)])
    },
    "activities.record": { crm, given in
        let recorded = try crm.recordActivity(request: try given.activity())
        return object([
            "activity": recorded.activity.json, "outcome": .text("\(recorded.outcome)"),
        ])
    },
    "activities.record_many": { crm, given in
        let given = try given.only("activities", "all_or_nothing")
        let report = try crm.recordActivities(
            request: RecordActivities(
                activities: try given.list("activities") { try $0.activity() },
                allOrNothing: given["all_or_nothing"].bool ?? false))
        let outcomes = report.outcomes.map {
            object([
                "outcome": .text("\($0.outcome)"), "id": json($0.id),
                "problem": $0.problem?.json ?? .null,
            ])
        }
        return object([
            "outcomes": .array(outcomes), "failed": json(report.failed),
            "is_committed": .bool(report.isCommitted),
        ])
    },
    "activities.release": { crm, given in
        let visitor = try given.only("visitor").string("visitor")
        return try crm.releaseVisitor(request: ReleaseVisitor(visitor: visitor)).json
    },
    "activity_kinds.archive": { try $0.archiveActivityKind(request: try kindName($1)).json },
    "activity_kinds.define": { crm, given in
        let given = try given.only("name", "label", "description", "properties")
        return try crm.defineActivityKind(
            request: DefineActivityKind(
                name: try given.string("name"), label: given["label"].text ?? "",
                description: given["description"].text ?? "",
                properties: try given.list("properties") { try $0.attribute() })
        ).json
    },
    "activity_kinds.define_preset": { crm, given in
        let name = try given.only("preset").string("preset")
        let preset = try given.wanted(ActivityPreset.allCases.first { snake("\($0)") == name })
        return try crm.defineActivityPreset(request: DefineActivityPreset(preset: preset)).json
    },
    "activity_kinds.get": { try $0.getActivityKind(request: try kindName($1)).json },
    "activity_kinds.list": { crm, given in
        _ = try given.only()
        return json(try crm.listActivityKinds(request: Empty()))
    },
    "activity_kinds.restore": { try $0.restoreActivityKind(request: try kindName($1)).json },
    "search.find": { crm, given in
        let given = try given.only(
            "text", "prefix", "items", "types", "kinds", "archived", "after", "limit")
        let page = try crm.searchText(
            request: SearchText(
                text: try given.string("text"), prefix: given["prefix"].bool ?? false,
                items: try given.list("items") { item in
                    try item.wanted(SearchItem.allCases.first { "\($0)" == item.text })
                },
                types: try given.list("types") { try $0.wanted($0.text) },
                kinds: try given.list("kinds") { try $0.wanted($0.text) },
                archived: given.archived, after: given["after"].text,
                limit: given.limit("limit", 100)))
        return object(["hits": json(page.hits), "next": json(page.next)])
    },
    "timeline.list": { crm, given in
        let given = try given.only("type", "id", "items", "kinds", "after", "limit")
        let page = try crm.listTimeline(
            request: ListTimeline(
                entityType: try given.string("type"), id: try given.string("id"),
                items: try given.list("items") { item in
                    try item.wanted(TimelineKind.allCases.first { "\($0)" == item.text })
                },
                kinds: try given.list("kinds") { try $0.wanted($0.text) },
                after: given["after"].text, limit: given.limit("limit", 100)))
        return object(["entries": json(page.entries), "next": json(page.next)])
    },
]

let conditionBranches: [String: Branch] = [
    "conditions.check": { crm, given in
        let given = try given.only("type", "condition")
        let checked = try crm.checkCondition(
            request: CheckCondition(
                entityType: try given.string("type"),
                condition: try given.wanted(try given.condition("condition"))))
        return object([
            "condition": try JsonParser.parse(Data(checked.condition.utf8)),
            "text": .text(checked.text),
        ])
    },
    "conditions.evaluate": { crm, given in
        let given = try given.only("type", "id", "condition", "at", "zone")
        return try crm.evaluateCondition(
            request: EvaluateCondition(
                entityType: try given.string("type"), id: try given.string("id"),
                condition: try given.wanted(try given.condition("condition")),
                at: try given.moment("at"), zone: given["zone"].text)
        ).json
    },
    "conditions.explain": { crm, given in
        let given = try given.only("type", "condition", "at", "zone", "id")
        let plan = try crm.explainCondition(
            request: ExplainCondition(
                entityType: try given.string("type"),
                condition: try given.wanted(try given.condition("condition")),
                at: try given.moment("at"), zone: given["zone"].text, id: given["id"].text))
        return object([
            "sql": .text(plan.sql), "plan": .array(plan.plan.map { .text($0) }),
            "estimated_rows": json(plan.estimatedRows), "answer": plan.answer?.json ?? .null,
        ])
    },
]

extension RecordRef: Wire {
    var json: Json { .object(["type": .text(entityType), "id": .text(id)]) }
}

extension Activity: Wire {
    var json: Json {
        let links = links.map {
            Json.object(["type": .text($0.entityType), "id": .text($0.id), "role": .text($0.role)])
        }
        return .object([
            "id": .text(id), "kind": .text(kind), "at": CrmTests.json(at),
            "subject": subject?.json ?? .null, "visitor": CrmTests.json(visitor),
            "channel": CrmTests.json(channel),
            "direction": direction.map { .text("\($0)") } ?? .null,
            "properties": CrmTests.json(properties), "typed": CrmTests.json(typed),
            "amount": amount.map { Value.money($0).json } ?? .null, "key": CrmTests.json(key),
            "links": .array(links), "supersedes": CrmTests.json(supersedes),
            "superseded_by": CrmTests.json(supersededBy),
            "recorded_at": CrmTests.json(recordedAt), "recorded_by": .text(recordedBy),
        ])
    }
}

extension ActivityKind: Wire {
    var json: Json {
        .object([
            "name": .text(name), "label": .text(label), "description": .text(description),
            "properties": CrmTests.json(properties), "archived_at": CrmTests.json(archivedAt),
        ])
    }
}

extension Visitor: Wire {
    var json: Json {
        .object([
            "visitor": .text(visitor), "record": record?.json ?? .null,
            "activities": CrmTests.json(activities),
        ])
    }
}

extension SearchHit: Wire {
    var json: Json {
        let parts = snippet.parts.map {
            Json.object(["text": .text($0.text), "is_match": .bool($0.isMatch)])
        }
        let found = activity.map {
            Json.object(["id": .text($0.id), "kind": .text($0.kind), "at": CrmTests.json($0.at)])
        }
        return .object([
            "record": record?.json ?? .null, "activity": found ?? .null, "score": .number(score),
            "attribute": .text(attribute),
            "snippet": .object([
                "parts": .array(parts), "is_cut_before": .bool(snippet.isCutBefore),
                "is_cut_after": .bool(snippet.isCutAfter),
            ]),
        ])
    }
}

extension TimelineEntry: Wire {
    var json: Json {
        let item: Json =
            switch item {
            case .activity(let activity): .object(["activity": activity.json])
            case .change(let change): .object(["change": change.json])
            case .association(let change): .object(["association": change.json])
            case .stage(let move): .object(["stage": move.json])
            }
        return .object([
            "at": CrmTests.json(at), "seq": .integer(seq), "role": CrmTests.json(role),
            "item": item,
        ])
    }
}

extension ConditionAnswer: Wire {
    var json: Json {
        let leaves = leaves.map {
            Json.object([
                "path": .text($0.path), "text": .text($0.text), "is_true": .bool($0.isTrue),
                "reason": .text($0.reason),
            ])
        }
        return .object(["is_true": .bool(isTrue), "leaves": .array(leaves)])
    }
}
