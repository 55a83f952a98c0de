import Crm
import Foundation

// The branches of lifecycles.

private func name(_ given: Json) throws -> LifecycleName {
    LifecycleName(lifecycle: try given.only("lifecycle").string("lifecycle"))
}

extension Json {
    fileprivate func stage() throws -> Stage {
        _ = try only(
            "name", "label", "kind", "probability", "required", "guard", "reasons",
            "automatic_exit", "only_automatic", "leave_within")
        let kind = self["kind"].text ?? "open"
        return Stage(
            name: try string("name"), label: self["label"].text ?? "",
            kind: try wanted(StageKind.allCases.first { "\($0)" == kind }),
            probability: number("probability"), required: try texts("required"),
            guard: try condition("guard"), reasons: try texts("reasons"),
            automaticExit: self["automatic_exit"].bool ?? false,
            onlyAutomatic: self["only_automatic"].bool ?? false,
            leaveWithin: try texts("leave_within"))
    }

    fileprivate func trigger() throws -> StageTrigger {
        _ = try only("to", "activity", "filter", "related", "inactive_for", "where", "reason")
        let related = self["related"]
        return StageTrigger(
            to: try string("to"), activity: self["activity"].text,
            filter: try condition("filter"),
            related: related.isNull ? nil : try related.relatedStage(),
            inactiveFor: self["inactive_for"].text, condition: try condition("where"),
            reason: self["reason"].text)
    }

    fileprivate func relatedStage() throws -> RelatedStage {
        _ = try only("related", "inverse", "lifecycle", "stage", "only_primary")
        return RelatedStage(
            related: try string("related"), inverse: self["inverse"].bool ?? false,
            lifecycle: try string("lifecycle"), stage: try string("stage"),
            onlyPrimary: self["only_primary"].bool ?? false)
    }

    fileprivate func texts(_ key: String) throws -> [String] {
        try list(key) { try $0.wanted($0.text) }
    }

    fileprivate func number(_ key: String) -> Double? {
        switch self[key] {
        case .integer(let number): Double(number)
        case .number(let number): number
        default: nil
        }
    }
}

private func place(_ trigger: UInt32?) -> Json {
    trigger.map { .integer(Int64($0)) } ?? .null
}

let lifecycleBranches: [String: Branch] = [
    "lifecycles.acceptance": { crm, given in
        let given = try given.only(
            "lifecycle", "stage", "within", "to", "from", "until", "at", "after", "limit")
        return try crm.getAcceptance(
            request: GetAcceptance(
                lifecycle: try given.string("lifecycle"), stage: try given.string("stage"),
                within: try given.string("within"), to: given["to"].text,
                from: try given.moment("from"), until: try given.moment("until"),
                at: try given.moment("at"), after: given["after"].text,
                limit: given.limit("limit", 100))
        ).json
    },
    "lifecycles.archive": { try $0.archiveLifecycle(request: try name($1)).json },
    "lifecycles.define": { crm, given in
        let given = try given.only(
            "name", "type", "label", "description", "stages", "initial", "triggers", "map",
            "dry_run")
        let defined = try crm.defineLifecycle(
            request: DefineLifecycle(
                name: try given.string("name"), entityType: try given.string("type"),
                label: given["label"].text ?? "", description: given["description"].text ?? "",
                stages: try given.list("stages") { try $0.stage() },
                initial: given["initial"].text,
                triggers: try given.list("triggers") { try $0.trigger() },
                map: try given.list("map") {
                    StageMapping(
                        stage: try $0.string("stage"), becomes: try $0.string("becomes"))
                },
                dryRun: given["dry_run"].bool ?? false))
        return .object([
            "lifecycle": defined.lifecycle.json, "is_saved": .bool(defined.isSaved),
            "remapped": .array(
                defined.remapped.map {
                    .object([
                        "stage": .text($0.stage), "becomes": .text($0.becomes),
                        "records": json($0.records),
                    ])
                }),
            "lacking": .array(
                defined.lacking.map {
                    .object([
                        "stage": .text($0.stage), "attribute": .text($0.attribute),
                        "records": json($0.records),
                    ])
                }),
        ])
    },
    "lifecycles.define_preset": { crm, given in
        let wanted = try given.only("preset").string("preset")
        let preset = try given.wanted(LifecyclePreset.allCases.first { "\($0)" == wanted })
        return try crm.defineLifecyclePreset(request: DefineLifecyclePreset(preset: preset)).json
    },
    "lifecycles.draw": { crm, given in
        let given = try given.only("lifecycle", "format")
        let wanted = given["format"].text ?? "mermaid"
        let format = try given.wanted(DrawingFormat.allCases.first { "\($0)" == wanted })
        let drawing = try crm.drawLifecycle(
            request: DrawLifecycle(lifecycle: try given.string("lifecycle"), format: format))
        return .object(["text": .text(drawing.text)])
    },
    "lifecycles.explain": { crm, given in
        let given = try given.only("lifecycle", "id")
        return try crm.explainStage(
            request: ExplainStage(
                lifecycle: try given.string("lifecycle"), id: try given.string("id"))
        ).json
    },
    "lifecycles.flywheel": { crm, given in
        let given = try given.only(
            "lifecycle", "stage", "from", "until", "referral", "repeat")
        let flywheel = try crm.getFlywheel(
            request: GetFlywheel(
                lifecycle: try given.string("lifecycle"), stage: given["stage"].text,
                from: try given.moment("from"), until: try given.moment("until"),
                referral: try given.list("referral") { try $0.relatedStage() },
                repeat: try given.list("repeat") { try $0.relatedStage() }))
        return .object([
            "stage": .text(flywheel.stage), "customers": json(flywheel.customers),
            "referred": json(flywheel.referred), "repeated": json(flywheel.repeated),
            "by_existing": json(flywheel.byExisting), "share": real(flywheel.share),
            "friction": json(flywheel.friction),
            "win_back": .object([
                "churned": json(flywheel.winBack.churned),
                "returned": json(flywheel.winBack.returned),
                "recovered": json(flywheel.winBack.recovered),
                "rate": real(flywheel.winBack.rate),
            ]),
        ])
    },
    "lifecycles.funnel": { crm, given in
        let given = try given.only("lifecycle", "from", "until", "where", "quantiles")
        let quantiles = try given.list("quantiles") { item in
            try item.wanted(Json.object(["number": item]).number("number"))
        }
        let funnel = try crm.getFunnel(
            request: GetFunnel(
                lifecycle: try given.string("lifecycle"), from: try given.moment("from"),
                until: try given.moment("until"), condition: try given.condition("where"),
                quantiles: quantiles))
        return .object(["entered": json(funnel.entered), "stages": json(funnel.stages)])
    },
    "lifecycles.get": { crm, given in
        let given = try given.only("lifecycle", "version")
        return try crm.getLifecycle(
            request: GetLifecycle(
                lifecycle: try given.string("lifecycle"), version: given["version"].integer)
        ).json
    },
    "lifecycles.history": { crm, given in
        let given = try given.only("lifecycle", "id", "after", "limit")
        let history = try crm.getLifecycleHistory(
            request: GetLifecycleHistory(
                lifecycle: try given.string("lifecycle"), id: try given.string("id"),
                after: given["after"].integer ?? 0, limit: given.limit("limit", 100)))
        return .object([
            "standing": history.standing.json, "visits": json(history.visits),
            "suppressed": json(history.suppressed), "overdue": json(history.overdue),
            "next": json(history.next),
        ])
    },
    "lifecycles.list": { crm, given in
        _ = try given.only()
        return json(try crm.listLifecycles(request: Empty()))
    },
    "lifecycles.move": { crm, given in
        let given = try given.only("lifecycle", "id", "to", "reason", "at", "activity_id")
        return try crm.moveStage(
            request: MoveStage(
                lifecycle: try given.string("lifecycle"), id: try given.string("id"),
                to: try given.string("to"), reason: given["reason"].text,
                at: try given.moment("at"), activityId: given["activity_id"].text)
        ).json
    },
    "lifecycles.reset": { crm, given in
        let given = try given.only("lifecycle", "id", "to", "reason", "at")
        return try crm.resetStage(
            request: ResetStage(
                lifecycle: try given.string("lifecycle"), id: try given.string("id"),
                to: try given.string("to"), reason: try given.string("reason"),
                at: try given.moment("at"))
        ).json
    },
    "lifecycles.restore": { try $0.restoreLifecycle(request: try name($1)).json },
    "lifecycles.stuck": { crm, given in
        let given = try given.only("lifecycle", "stages", "longer_than", "at", "after", "limit")
        let page = try crm.findStuck(
            request: FindStuck(
                lifecycle: try given.string("lifecycle"), stages: try given.texts("stages"),
                longerThan: try given.string("longer_than"), at: try given.moment("at"),
                after: given["after"].text, limit: given.limit("limit", 100)))
        return .object(["records": json(page.records), "next": json(page.next)])
    },
    "lifecycles.times": { crm, given in
        let given = try given.only("lifecycle", "id", "at")
        let times = try crm.getStageTimes(
            request: GetStageTimes(
                lifecycle: try given.string("lifecycle"), id: try given.string("id"),
                at: try given.moment("at")))
        return .object([
            "standing": times.standing.json, "at": json(times.at), "stages": json(times.stages),
        ])
    },
]

private func parsed(_ condition: Condition?) -> Json {
    condition.flatMap { try? JsonParser.parse(Data($0.utf8)) } ?? .null
}

private func real(_ number: Double?) -> Json { number.map { .number($0) } ?? .null }

extension Stage: Wire {
    var json: Json {
        .object([
            "name": .text(name), "label": .text(label), "kind": .text("\(kind)"),
            "probability": real(probability), "required": .array(required.map { .text($0) }),
            "guard": parsed(self.guard), "reasons": .array(reasons.map { .text($0) }),
            "automatic_exit": .bool(automaticExit), "only_automatic": .bool(onlyAutomatic),
            "leave_within": .array(leaveWithin.map { .text($0) }),
        ])
    }
}

extension StageTrigger: Wire {
    var json: Json {
        let other: Json? = related.map {
            .object([
                "related": .text($0.related), "inverse": .bool($0.inverse),
                "lifecycle": .text($0.lifecycle), "stage": .text($0.stage),
                "only_primary": .bool($0.onlyPrimary),
            ])
        }
        return .object([
            "to": .text(to), "activity": CrmTests.json(activity), "filter": parsed(filter),
            "related": other ?? .null, "inactive_for": CrmTests.json(inactiveFor),
            "where": parsed(condition),
            "reason": CrmTests.json(reason),
        ])
    }
}

extension Lifecycle: Wire {
    var json: Json {
        .object([
            "name": .text(name), "type": .text(entityType), "label": .text(label),
            "description": .text(description), "version": .integer(version),
            "stages": CrmTests.json(stages), "initial": CrmTests.json(initial),
            "triggers": CrmTests.json(triggers), "archived_at": CrmTests.json(archivedAt),
        ])
    }
}

extension Standing: Wire {
    var json: Json {
        .object([
            "lifecycle": .text(lifecycle), "type": .text(entityType), "id": .text(id),
            "stage": CrmTests.json(stage), "kind": CrmTests.json(kind.map { "\($0)" }),
            "reached": CrmTests.json(reached), "last": CrmTests.json(last),
            "cycle": .integer(Int64(cycle)), "entered_at": CrmTests.json(enteredAt),
            "reason": CrmTests.json(reason), "visits": .integer(Int64(visits)),
        ])
    }
}

extension MovedStage: Wire {
    var json: Json { .object(["is_moved": .bool(isMoved), "standing": standing.json]) }
}

extension StageVisit: Wire {
    var json: Json {
        .object([
            "number": .integer(Int64(number)), "stage": .text(stage),
            "cycle": .integer(Int64(cycle)), "entered_at": CrmTests.json(enteredAt),
            "exited_at": CrmTests.json(exitedAt), "cause": .text("\(cause)"),
            "reason": CrmTests.json(reason), "activity_id": CrmTests.json(activityId),
            "record": record?.json ?? .null, "trigger": place(trigger),
            "version": CrmTests.json(version), "rule": CrmTests.json(rule),
            "actor": .text(actor), "seq": .integer(seq),
        ])
    }
}

extension SuppressedMove: Wire {
    var json: Json {
        .object([
            "to": .text(to), "by": .text("\(by)"), "cause": .text("\(cause)"),
            "at": CrmTests.json(at), "activity_id": CrmTests.json(activityId),
            "record": record?.json ?? .null, "trigger": place(trigger),
            "version": CrmTests.json(version), "rule": CrmTests.json(rule),
            "missing": .array(missing.map { .text($0) }), "seq": .integer(seq),
        ])
    }
}

extension OverdueStage: Wire {
    var json: Json {
        .object([
            "stage": .text(stage), "entered_at": CrmTests.json(enteredAt), "within": .text(within),
            "at": CrmTests.json(at), "seq": .integer(seq),
        ])
    }
}

extension StageEntry: Wire {
    var json: Json {
        .object([
            "seq": .integer(seq), "at": CrmTests.json(at), "actor": .text(actor),
            "lifecycle": .text(lifecycle), "stage": .text(stage),
            "implied": .array(implied.map { .text($0) }), "cycle": .integer(Int64(cycle)),
            "cause": .text("\(cause)"), "reason": CrmTests.json(reason),
            "activity_id": CrmTests.json(activityId), "record": record?.json ?? .null,
        ])
    }
}

extension StageFriction: Wire {
    var json: Json {
        .object([
            "stage": .text(stage), "left": CrmTests.json(left),
            "median_micros": CrmTests.json(medianMicros), "lost": CrmTests.json(lost),
            "drop_off": real(dropOff), "resets": CrmTests.json(resets),
            "suppressed": CrmTests.json(suppressed),
        ])
    }
}

extension StageTime: Wire {
    var json: Json {
        .object([
            "stage": .text(stage), "visits": .integer(Int64(visits)),
            "entered_at": CrmTests.json(enteredAt), "exited_at": CrmTests.json(exitedAt),
            "current_micros": CrmTests.json(currentMicros),
            "latest_micros": CrmTests.json(latestMicros),
            "cumulative_micros": .integer(cumulativeMicros),
        ])
    }
}

extension FunnelStage: Wire {
    var json: Json {
        .object([
            "stage": .text(stage), "reached": CrmTests.json(reached),
            "implied": CrmTests.json(implied), "share": real(share),
            "went_on": CrmTests.json(wentOn), "conversion": real(conversion),
            "lost": CrmTests.json(lost), "drop_off": real(dropOff),
            "waiting": CrmTests.json(waiting),
            "median_micros": CrmTests.json(medianMicros),
            "quantile_micros": .array(quantileMicros.map { .integer($0) }),
        ])
    }
}

extension StuckRecord: Wire {
    var json: Json {
        .object([
            "id": .text(id), "stage": .text(stage), "cycle": .integer(Int64(cycle)),
            "entered_at": CrmTests.json(enteredAt), "micros": .integer(micros),
        ])
    }
}

extension AcceptanceBreach: Wire {
    var json: Json {
        .object([
            "id": .text(id), "number": .integer(Int64(number)),
            "entered_at": CrmTests.json(enteredAt), "exited_at": CrmTests.json(exitedAt),
            "late_micros": .integer(lateMicros),
        ])
    }
}

extension Acceptance: Wire {
    var json: Json {
        .object([
            "entered": CrmTests.json(entered), "in_time": CrmTests.json(inTime),
            "late": CrmTests.json(late), "declined": CrmTests.json(declined),
            "waiting": CrmTests.json(waiting), "overdue": CrmTests.json(overdue),
            "median_micros": CrmTests.json(medianMicros),
            "breaches": CrmTests.json(breaches), "next": CrmTests.json(next),
        ])
    }
}

extension NextStage: Wire {
    var json: Json {
        let leading = triggers.map {
            Json.object([
                "cause": .text("\($0.cause)"), "trigger": place($0.trigger),
                "text": .text($0.text), "condition": $0.condition?.json ?? .null,
                "due_at": CrmTests.json($0.dueAt),
            ])
        }
        return .object([
            "stage": .text(stage), "by_hand": .bool(byHand),
            "missing": .array(missing.map { .text($0) }), "guard": self.guard?.json ?? .null,
            "triggers": .array(leading),
        ])
    }
}

extension StageExplanation: Wire {
    var json: Json {
        .object([
            "standing": standing.json, "text": .text(text), "visit": visit?.json ?? .null,
            "suppressed": CrmTests.json(suppressed), "next": CrmTests.json(next),
        ])
    }
}
