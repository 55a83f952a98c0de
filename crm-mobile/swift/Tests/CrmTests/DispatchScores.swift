import Crm
import Foundation

// The branches of scores.

private func name(_ given: Json) throws -> ScoreName {
    ScoreName(model: try given.only("model").string("model"))
}

private func read(_ given: Json) throws -> ReadScore {
    let given = try given.only("model", "id", "at", "version")
    return ReadScore(
        model: try given.string("model"), id: try given.string("id"), at: try given.moment("at"),
        version: given["version"].integer)
}

extension Json {
    fileprivate func levels(_ key: String) throws -> [ScoreLevel] {
        try list(key) {
            let given = try $0.only("name", "at_least")
            return ScoreLevel(
                name: try given.string("name"),
                atLeast: try given.wanted(given["at_least"].integer))
        }
    }

    fileprivate func count(_ key: String) -> UInt32? {
        self[key].integer.map { UInt32($0) }
    }

    fileprivate func group() throws -> ScoreGroup {
        _ = try only("name", "label", "rules", "fade", "min", "max", "is_beside")
        let fade = self["fade"]
        return ScoreGroup(
            name: try string("name"), label: self["label"].text ?? "",
            rules: try list("rules") { try $0.rule() },
            fade: fade.isNull ? nil : try fade.fade(), min: self["min"].integer,
            max: self["max"].integer, isBeside: self["is_beside"].bool ?? false)
    }

    fileprivate func fade() throws -> ScoreFade {
        _ = try only("kind", "span", "percent")
        let kinds: [String: FadeKind] = [
            "half_life": .halfLife, "linear": .linear, "expiry": .expiry,
        ]
        return ScoreFade(
            kind: try wanted(kinds[try string("kind")]), span: try string("span"),
            percent: count("percent"))
    }

    fileprivate func rule() throws -> ScoreRule {
        _ = try only(
            "name", "label", "activity", "filter", "related", "where", "points", "field", "values",
            "per", "currency", "distinct", "per_day", "at_most", "within", "min", "max")
        let related = self["related"]
        return ScoreRule(
            name: try string("name"), label: self["label"].text ?? "",
            activity: self["activity"].text, filter: try condition("filter"),
            related: related.isNull ? nil : try related.relatedScore(),
            condition: try condition("where"), points: self["points"].integer ?? 0,
            field: self["field"].text,
            values: try list("values") {
                let given = try $0.only("value", "points")
                return ValuePoints(
                    value: try given["value"].value(),
                    points: try given.wanted(given["points"].integer))
            },
            per: self["per"].integer, currency: self["currency"].text,
            distinct: self["distinct"].text, perDay: count("per_day"), atMost: count("at_most"),
            within: self["within"].text, min: self["min"].integer, max: self["max"].integer)
    }

    fileprivate func relatedScore() throws -> RelatedScore {
        _ = try only("related", "inverse", "model", "figure")
        let figure = try string("figure")
        return RelatedScore(
            related: try string("related"), inverse: self["inverse"].bool ?? false,
            model: try string("model"),
            figure: try wanted(ScoreFigure.allCases.first { "\($0)" == figure }))
    }
}

let scoreBranches: [String: Branch] = [
    "scores.add_points": { crm, given in
        let given = try given.only("model", "id", "points", "group", "at", "reason")
        let answer = try crm.addScorePoints(
            request: AddScorePoints(
                model: try given.string("model"), id: try given.string("id"),
                points: try given.wanted(given["points"].integer), group: given["group"].text,
                at: try given.moment("at"), reason: given["reason"].text))
        return .object([
            "model": .text(answer.model), "version": .integer(answer.version),
            "at": json(answer.at), "record": answer.record.json,
        ])
    },
    "scores.clone": { crm, given in
        let given = try given.only("model", "version", "name")
        return try crm.cloneScore(
            request: CloneScore(
                model: try given.string("model"), version: given["version"].integer,
                name: try given.string("name"))
        ).json
    },
    "scores.define": { crm, given in
        let given = try given.only(
            "name", "type", "label", "description", "groups", "min", "max", "thresholds", "grade")
        return try crm.defineScore(
            request: DefineScore(
                name: try given.string("name"), entityType: try given.string("type"),
                label: given["label"].text ?? "", description: given["description"].text ?? "",
                groups: try given.list("groups") { try $0.group() }, min: given["min"].integer,
                max: given["max"].integer, thresholds: try given.levels("thresholds"),
                grade: try given.list("grade") {
                    let axis = try $0.only("group", "levels")
                    return ScoreAxis(
                        group: try axis.string("group"), levels: try axis.levels("levels"))
                })
        ).json
    },
    "scores.define_preset": { crm, given in
        let presets: [String: ScorePreset] = [
            "fit_engagement": .fitEngagement, "points_and_grade": .pointsAndGrade,
            "profile_engagement": .profileEngagement,
        ]
        let wanted = try given.only("preset").string("preset")
        let preset = try given.wanted(presets[wanted])
        return try crm.defineScorePreset(request: DefineScorePreset(preset: preset)).json
    },
    "scores.explain": { crm, given in
        let explained = try crm.explainScore(request: try read(given))
        return .object([
            "model": .text(explained.model), "version": .integer(explained.version),
            "at": json(explained.at), "record": explained.record.json,
            "contributions": json(explained.contributions),
        ])
    },
    "scores.get": { crm, given in
        let given = try given.only("model", "version")
        return try crm.getScore(
            request: GetScore(
                model: try given.string("model"), version: given["version"].integer)
        ).json
    },
    "scores.history": { crm, given in
        let given = try given.only("model", "id", "after", "limit")
        let history = try crm.getScoreHistory(
            request: GetScoreHistory(
                model: try given.string("model"), id: try given.string("id"),
                after: given["after"].integer ?? 0, limit: given.limit("limit", 100)))
        return .object(["crossings": json(history.crossings), "next": json(history.next)])
    },
    "scores.list": { crm, given in
        _ = try given.only()
        return json(try crm.listScores(request: Empty()))
    },
    "scores.publish": { try $0.publishScore(request: try name($1)).json },
    "scores.ranking": { crm, given in
        let given = try given.only("model", "where", "at", "after", "limit")
        let ranking = try crm.rankScores(
            request: RankScores(
                model: try given.string("model"), condition: try given.condition("where"),
                at: try given.moment("at"), after: given["after"].text,
                limit: given.limit("limit", 100)))
        return .object([
            "at": json(ranking.at), "records": json(ranking.records), "next": json(ranking.next),
        ])
    },
    "scores.read": { crm, given in
        let answer = try crm.readScore(request: try read(given))
        return .object([
            "model": .text(answer.model), "version": .integer(answer.version),
            "at": json(answer.at), "record": answer.record.json,
        ])
    },
    "scores.rescore": { crm, given in
        let report = try crm.rescore(request: try name(given))
        return .object([
            "records": json(report.records), "changed": json(report.changed),
            "is_complete": .bool(report.isComplete),
        ])
    },
    "scores.retire": { try $0.retireScore(request: try name($1)).json },
]

private func parsed(_ condition: Condition?) -> Json {
    condition.flatMap { try? JsonParser.parse(Data($0.utf8)) } ?? .null
}

private func count(_ number: UInt32?) -> Json { number.map { .integer(Int64($0)) } ?? .null }

extension ScoreLevel: Wire {
    var json: Json { .object(["name": .text(name), "at_least": .integer(atLeast)]) }
}

extension ScoreRule: Wire {
    var json: Json {
        let other: Json? = related.map {
            .object([
                "related": .text($0.related), "inverse": .bool($0.inverse),
                "model": .text($0.model), "figure": .text("\($0.figure)"),
            ])
        }
        let points = values.map {
            Json.object(["value": $0.value.json, "points": .integer($0.points)])
        }
        return .object([
            "name": .text(name), "label": .text(label), "activity": CrmTests.json(activity),
            "filter": parsed(filter), "related": other ?? .null, "where": parsed(condition),
            "points": .integer(self.points), "field": CrmTests.json(field),
            "values": .array(points), "per": CrmTests.json(per),
            "currency": CrmTests.json(currency), "distinct": CrmTests.json(distinct),
            "per_day": count(perDay), "at_most": count(atMost), "within": CrmTests.json(within),
            "min": CrmTests.json(min), "max": CrmTests.json(max),
        ])
    }
}

extension ScoreGroup: Wire {
    var json: Json {
        let fading: Json? = fade.map {
            .object([
                "kind": .text(snake("\($0.kind)")), "span": .text($0.span),
                "percent": count($0.percent),
            ])
        }
        return .object([
            "name": .text(name), "label": .text(label), "rules": CrmTests.json(rules),
            "fade": fading ?? .null, "min": CrmTests.json(min), "max": CrmTests.json(max),
            "is_beside": .bool(isBeside),
        ])
    }
}

extension ScoreAxis: Wire {
    var json: Json { .object(["group": .text(group), "levels": CrmTests.json(levels)]) }
}

extension ScoreModel: Wire {
    var json: Json {
        .object([
            "name": .text(name), "type": .text(entityType), "version": .integer(version),
            "state": .text("\(state)"), "label": .text(label), "description": .text(description),
            "groups": CrmTests.json(groups), "min": CrmTests.json(min), "max": CrmTests.json(max),
            "thresholds": CrmTests.json(thresholds), "grade": CrmTests.json(grade),
            "published_at": CrmTests.json(publishedAt), "retired_at": CrmTests.json(retiredAt),
            "is_filled": .bool(isFilled),
        ])
    }
}

extension RecordScore: Wire {
    var json: Json {
        .object([
            "id": .text(id), "score": .integer(score), "threshold": CrmTests.json(threshold),
            "grade": CrmTests.json(grade),
            "groups": .array(
                groups.map { .object(["group": .text($0.group), "score": .integer($0.score)]) }),
        ])
    }
}

extension AddedPoints: Wire {
    var json: Json {
        .object([
            "seq": .integer(seq), "reason": CrmTests.json(reason), "actor": .text(actor),
            "cause": CrmTests.json(cause),
        ])
    }
}

extension ScoreContribution: Wire {
    var json: Json {
        .object([
            "group": CrmTests.json(group), "rule": CrmTests.json(rule),
            "activity_id": CrmTests.json(activityId), "record_id": CrmTests.json(recordId),
            "record_ids": .array(recordIds.map { .text($0) }), "records": CrmTests.json(records),
            "field": CrmTests.json(field), "value": CrmTests.json(value),
            "added": added?.json ?? .null, "at": CrmTests.json(at), "raw": .integer(raw), "faded": .integer(faded),
            "after_rule": .integer(afterRule), "after_group": .integer(afterGroup),
            "after_total": .integer(afterTotal),
        ])
    }
}

extension ScoreCrossing: Wire {
    var json: Json {
        .object([
            "seq": .integer(seq), "threshold": .text(threshold), "is_up": .bool(isUp),
            "at": CrmTests.json(at), "score": .integer(score), "version": .integer(version),
        ])
    }
}
