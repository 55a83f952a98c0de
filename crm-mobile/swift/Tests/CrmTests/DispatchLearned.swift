import Crm
import Foundation

// The branches of learned scores.

extension Json {
    fileprivate func texts(_ key: String) throws -> [String] {
        try list(key) { try $0.wanted($0.text) }
    }

    fileprivate func number(_ key: String, _ standard: Double) -> Double {
        switch self[key] {
        case .integer(let number): Double(number)
        case .number(let number): number
        default: standard
        }
    }

    fileprivate var version: UInt32? { self["version"].integer.map { UInt32($0) } }

    fileprivate func outcome() throws -> LearnedOutcome {
        let given = try self["outcome"].only("where", "lifecycle", "stage")
        return LearnedOutcome(
            condition: try given.condition("where"), lifecycle: given["lifecycle"].text,
            stage: given["stage"].text)
    }

    fileprivate func candidate() throws -> ScoreCandidate {
        _ = try only("learned", "version", "attribute", "where", "model")
        return ScoreCandidate(
            learned: self["learned"].text, version: version, attribute: self["attribute"].text,
            condition: try condition("where"), model: self["model"].text)
    }

    fileprivate func tiers() throws -> [ScoreTier] {
        try list("tiers") {
            ScoreTier(tier: try $0.only("tier", "from").string("tier"), from: $0.number("from", 0))
        }
    }

    fileprivate func recipe() throws -> TrainLearnedScore {
        let given = try only(
            "name", "type", "outcome", "algorithm", "fields", "conditions", "activities",
            "exclude", "allow_leaks", "where", "as_of", "until", "l2", "balanced", "calibrated",
            "min_records", "holdout_percent", "leak_auc", "tiers")
        let isBayes = given["algorithm"].text == "naive_bayes"
        return TrainLearnedScore(
            name: try given.string("name"), entityType: try given.string("type"),
            outcome: try given.outcome(), algorithm: isBayes ? .naiveBayes : .logistic,
            fields: try given.texts("fields"),
            conditions: try given.list("conditions") {
                let one = try $0.only("name", "where")
                return LearnedCondition(
                    name: try one.string("name"),
                    condition: try one.wanted(try one.condition("where")))
            },
            activities: try given.list("activities") {
                let one = try $0.only("kind", "within")
                return LearnedActivities(kind: try one.string("kind"), within: one["within"].text)
            },
            exclude: try given.texts("exclude"), allowLeaks: try given.texts("allow_leaks"),
            condition: try given.condition("where"), asOf: try given.moment("as_of"),
            until: try given.moment("until"), l2: given.number("l2", 1),
            balanced: given["balanced"].bool ?? false,
            calibrated: given["calibrated"].bool ?? true,
            minRecords: given.limit("min_records", 20),
            holdoutPercent: given.limit("holdout_percent", 30),
            leakAuc: given.number("leak_auc", 0.9), tiers: try given.tiers())
    }
}

private func name(_ given: Json) throws -> LearnedScoreName {
    LearnedScoreName(name: try given.only("name").string("name"))
}

let learnedBranches: [String: Branch] = [
    "learned_scores.archive": { try $0.archiveLearnedScore(request: try name($1)).json },
    "learned_scores.backtest": { crm, given in
        let given = try given.only(
            "type", "outcome", "score", "other", "as_of", "until", "where", "tiers")
        let other: ScoreCandidate? = given["other"].isNull ? nil : try given["other"].candidate()
        return try crm.backtestScore(
            request: BacktestScore(
                entityType: try given.string("type"), outcome: try given.outcome(),
                score: try given["score"].candidate(), other: other,
                asOf: try given.wanted(try given.moment("as_of")),
                until: try given.moment("until"), condition: try given.condition("where"),
                tiers: try given.tiers())
        ).json
    },
    "learned_scores.explain": { crm, given in
        let given = try given.only("name", "version", "id")
        return try crm.explainLearnedScore(
            request: ExplainLearnedScore(
                name: try given.string("name"), version: given.version,
                id: try given.string("id"))
        ).json
    },
    "learned_scores.find_leaks": { crm, given in
        try crm.findLeaks(request: try given.recipe()).json
    },
    "learned_scores.get": { crm, given in
        let given = try given.only("name", "version")
        return try crm.getLearnedScore(
            request: GetLearnedScore(name: try given.string("name"), version: given.version)
        ).json
    },
    "learned_scores.list": { crm, given in
        _ = try given.only()
        return json(try crm.listLearnedScores(request: Empty()))
    },
    "learned_scores.rank": { crm, given in
        let given = try given.only("name", "version", "where", "limit")
        let ranking = try crm.rankRecords(
            request: RankRecords(
                name: try given.string("name"), version: given.version,
                condition: try given.condition("where"), limit: given.limit("limit", 100)))
        let top = ranking.top.map {
            Json.object(["id": .text($0.id), "probability": .number($0.probability)])
        }
        return .object(["records": json(ranking.records), "top": .array(top)])
    },
    "learned_scores.restore": { try $0.restoreLearnedScore(request: try name($1)).json },
    "learned_scores.train": { crm, given in
        try crm.trainLearnedScore(request: try given.recipe()).json
    },
]

private func real(_ number: Double?) -> Json { number.map { .number($0) } ?? .null }

extension ScoreQuality: Wire {
    var json: Json {
        let deciles = deciles.map {
            Json.object([
                "decile": .integer(Int64($0.decile)), "records": CrmTests.json($0.records),
                "positives": .number($0.positives), "rate": .number($0.rate),
                "lift": .number($0.lift), "gain": .number($0.gain),
                "from_score": .number($0.fromScore),
            ])
        }
        let bins = calibration.map {
            Json.object([
                "from": .number($0.from), "to": .number($0.to),
                "records": CrmTests.json($0.records), "predicted": .number($0.predicted),
                "rate": .number($0.rate),
            ])
        }
        let tiers = tiers.map {
            Json.object([
                "tier": .text($0.tier), "from": .number($0.from),
                "records": CrmTests.json($0.records), "positives": CrmTests.json($0.positives),
                "rate": real($0.rate),
            ])
        }
        return .object([
            "records": CrmTests.json(records), "positives": CrmTests.json(positives),
            "auc": real(auc), "auc_low": real(aucLow), "auc_high": real(aucHigh),
            "brier": real(brier), "log_loss": real(logLoss), "deciles": .array(deciles),
            "calibration": .array(bins), "tiers": .array(tiers),
        ])
    }
}

extension LearnedScore: Wire {
    var json: Json {
        .object([
            "name": .text(name), "version": .integer(Int64(version)), "type": .text(entityType),
            "algorithm": .text(CrmTests.snake("\(algorithm)")),
            "trained_at": CrmTests.json(trainedAt),
            "known_until": CrmTests.json(knownUntil), "records": CrmTests.json(records),
            "model": .text(model), "quality": quality?.json ?? .null,
            "archived_at": CrmTests.json(archivedAt),
        ])
    }
}

extension LeakReport: Wire {
    var json: Json {
        let features = features.map {
            Json.object([
                "feature": .text($0.feature), "auc": .number($0.auc),
                "filled_auc": .number($0.filledAuc), "filled_with": .number($0.filledWith),
                "filled_without": .number($0.filledWithout), "filled_after": real($0.filledAfter),
                "reasons": .array($0.reasons.map { .text(CrmTests.snake("\($0)")) }),
                "is_suspect": .bool($0.isSuspect),
            ])
        }
        return .object([
            "records": CrmTests.json(records), "positives": CrmTests.json(positives),
            "features": .array(features), "leaks": .array(leaks.map { .text($0) }),
            "suspects": .array(suspects.map { .text($0) }),
            "auc_with_leaks": real(aucWithLeaks), "auc_without_leaks": real(aucWithoutLeaks),
            "auc_without_suspects": real(aucWithoutSuspects),
        ])
    }
}

extension LearnedExplanation: Wire {
    var json: Json {
        let parts = contributions.map {
            Json.object([
                "feature": .text($0.feature), "log_odds": .number($0.logOdds),
                "is_missing": .bool($0.isMissing),
            ])
        }
        return .object([
            "name": .text(name), "version": .integer(Int64(version)), "id": .text(id),
            "probability": .number(probability), "log_odds": .number(logOdds),
            "intercept": .number(intercept), "contributions": .array(parts),
        ])
    }
}

extension ScoreBacktest: Wire {
    var json: Json {
        let compared: Json? = comparison.map {
            .object([
                "difference": .number($0.difference), "low": .number($0.low),
                "high": .number($0.high), "p_value": .number($0.pValue),
            ])
        }
        return .object([
            "as_of": CrmTests.json(asOf), "until": CrmTests.json(until),
            "left_out": CrmTests.json(leftOut), "quality": quality.json,
            "other": other?.json ?? .null, "comparison": compared ?? .null,
        ])
    }
}
