import Crm
import Foundation

// The branches of segments.

private func name(_ given: Json) throws -> SegmentName {
    SegmentName(segment: try given.only("segment").string("segment"))
}

private func members(_ given: Json) throws -> ChangeMembers {
    let given = try given.only("segment", "ids", "reason")
    return ChangeMembers(
        segment: try given.string("segment"), ids: try given.list("ids") { try $0.wanted($0.text) },
        reason: given["reason"].text)
}

let segmentBranches: [String: Branch] = [
    "segments.add_members": { try $0.addSegmentMembers(request: try members($1)).json },
    "segments.archive": { try $0.archiveSegment(request: try name($1)).json },
    "segments.define": { crm, given in
        let given = try given.only(
            "name", "type", "kind", "label", "description", "where", "zone")
        let kind = given["kind"].text ?? "live"
        return try crm.defineSegment(
            request: DefineSegment(
                name: try given.string("name"), entityType: try given.string("type"),
                kind: try given.wanted(
                    SegmentKind.allCases.first { segmentWord("\($0)") == kind }),
                label: given["label"].text ?? "", description: given["description"].text ?? "",
                condition: try given.condition("where"), zone: given["zone"].text)
        ).json
    },
    "segments.estimate": { crm, given in
        let given = try given.only("type", "where", "zone")
        let estimate = try crm.estimateSegment(
            request: EstimateSegment(
                entityType: try given.string("type"),
                condition: try given.wanted(try given.condition("where")),
                zone: given["zone"].text))
        return .object([
            "members": json(estimate.members), "records": json(estimate.records),
            "is_exact": .bool(estimate.isExact),
        ])
    },
    "segments.explain": { crm, given in
        let given = try given.only("segment", "id", "limit")
        let told = try crm.explainMember(
            request: ExplainMember(
                segment: try given.string("segment"), id: try given.string("id"),
                limit: given.limit("limit", 100)))
        return .object([
            "is_member": .bool(told.isMember), "entered_at": json(told.enteredAt),
            "due_at": json(told.dueAt), "answer": told.answer?.json ?? .null,
            "changes": json(told.changes),
        ])
    },
    "segments.get": { try $0.getSegment(request: try name($1)).json },
    "segments.list": { crm, given in
        _ = try given.only()
        return json(try crm.listSegments(request: Empty()))
    },
    "segments.members": { crm, given in
        let given = try given.only("segment", "after", "limit")
        let page = try crm.listMembers(
            request: ListMembers(
                segment: try given.string("segment"), after: given["after"].text,
                limit: given.limit("limit", 100)))
        return .object(["members": json(page.members), "next": json(page.next)])
    },
    "segments.overlap": { crm, given in
        let given = try given.only("segment", "other")
        let overlap = try crm.overlapSegments(
            request: OverlapSegments(
                segment: try given.string("segment"), other: try given.string("other")))
        return .object([
            "size": json(overlap.size), "other_size": json(overlap.otherSize),
            "both": json(overlap.both), "share": overlap.share.map { .number($0) } ?? .null,
        ])
    },
    "segments.refresh": { try $0.refreshSegment(request: try name($1)).json },
    "segments.remove_members": { try $0.removeSegmentMembers(request: try members($1)).json },
    "segments.restore": { try $0.restoreSegment(request: try name($1)).json },
    "segments.sizes": { crm, given in
        let given = try given.only("segment", "at", "every", "from", "until", "zone")
        let every = try given["every"].text.map { name in
            try given.wanted(Bucket.allCases.first { "\($0)" == name })
        }
        let sizes = try crm.getSegmentSizes(
            request: GetSegmentSizes(
                segment: try given.string("segment"),
                at: try given.list("at") { item in
                    try item.wanted(try Json.object(["at": item]).moment("at"))
                },
                every: every, from: try given.moment("from"), until: try given.moment("until"),
                zone: given["zone"].text))
        return .object(["sizes": json(sizes.sizes)])
    },
]

/// A case by the name that JSON has: Swift quotes a word of its own in backticks.
private func segmentWord(_ word: String) -> String {
    word.replacingOccurrences(of: "`", with: "")
}

extension Segment: Wire {
    var json: Json {
        let parsed = condition.flatMap { try? JsonParser.parse(Data($0.utf8)) }
        return .object([
            "name": .text(name), "type": .text(entityType), "kind": .text(segmentWord("\(kind)")),
            "label": .text(label), "description": .text(description),
            "version": .integer(version), "where": parsed ?? .null, "zone": .text(zone),
            "archived_at": CrmTests.json(archivedAt),
        ])
    }
}

extension SegmentReport: Wire {
    var json: Json {
        .object([
            "segment": segment.json, "entered": CrmTests.json(entered),
            "left": CrmTests.json(self.left), "members": CrmTests.json(members),
        ])
    }
}

extension SegmentMember: Wire {
    var json: Json { .object(["id": .text(id), "entered_at": CrmTests.json(enteredAt)]) }
}

extension MemberChange: Wire {
    var json: Json {
        .object([
            "is_member": .bool(isMember), "at": CrmTests.json(at), "cause": .text("\(cause)"),
            "reason": CrmTests.json(reason), "activity_id": CrmTests.json(activityId),
            "record": record?.json ?? .null, "actor": .text(actor), "seq": .integer(seq),
        ])
    }
}

extension SegmentSize: Wire {
    var json: Json {
        .object([
            "at": CrmTests.json(at), "size": CrmTests.json(size),
            "entered": CrmTests.json(entered), "left": CrmTests.json(self.left),
        ])
    }
}
