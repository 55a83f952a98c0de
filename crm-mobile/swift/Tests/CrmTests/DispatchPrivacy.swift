import Crm
import Foundation

// The branches of privacy.

private let reasons: [ErasureReason] = [
    .requested, .noLongerNeeded, .consentWithdrawn, .objected, .unlawful, .legalDuty, .child,
]

private let starts: [RetentionStart] = [.created, .changed, .lastActivity, .lastUse]

extension Json {
    fileprivate func subject() throws -> RecordRef {
        _ = try only("type", "id")
        return RecordRef(entityType: try string("type"), id: try string("id"))
    }

    fileprivate func reason() throws -> ErasureReason {
        let name = self["reason"]
        if name.isNull { return .requested }
        return try wanted(reasons.first { named($0) == name })
    }

    fileprivate func erasedSubject() throws -> ErasedSubject {
        _ = try only("subject", "erased_at", "reason", "hashes", "lifted")
        return ErasedSubject(
            subject: try self["subject"].subject(),
            erasedAt: try wanted(try moment("erased_at")),
            reason: try reason(),
            hashes: try list("hashes") { try $0.wanted($0.text) },
            lifted: try list("lifted") { try $0.wanted($0.text) })
    }
}

let privacyBranches: [String: Branch] = [
    "privacy.apply_erasures": { crm, given in
        _ = try given.only("key", "erased")
        let request = ApplyErasures(
            key: given["key"].text, erased: try given.list("erased") { try $0.erasedSubject() })
        return try crm.applyErasures(request: request).json
    },
    "privacy.define_retention": { crm, given in
        _ = try given.only(
            "name", "type", "purpose", "period", "counts_from", "where", "reason")
        let request = Retention(
            name: try given.string("name"), entityType: try given.string("type"),
            purpose: given["purpose"].text, period: try given.string("period"),
            countsFrom: try given.wanted(starts.first { named($0) == given["counts_from"] }),
            condition: try given.condition("where"), reason: given["reason"].text ?? "")
        return try crm.defineRetention(request: request).json
    },
    "privacy.due_for_review": { crm, given in
        _ = try given.only("at", "retention", "type", "limit", "after")
        let request = ListDueForReview(
            at: try given.moment("at"), retention: given["retention"].text,
            entityType: given["type"].text, limit: given.limit("limit", 100),
            after: given["after"].text)
        return try crm.listDueForReview(request: request).json
    },
    "privacy.erase": { crm, given in
        _ = try given.only("subject", "reason", "expected_version")
        let request = EraseSubject(
            subject: try given["subject"].subject(), reason: try given.reason(),
            expectedVersion: given["expected_version"].integer)
        return try crm.eraseSubject(request: request).json
    },
    "privacy.erasures": { crm, given in
        _ = try given.only("after", "limit")
        let request = ListErasures(
            after: given["after"].integer ?? 0, limit: given.limit("limit", 100))
        return try crm.listErasures(request: request).json
    },
    "privacy.lift_suppression": { crm, given in
        _ = try given.only("contact_point")
        let request = LiftSuppression(contactPoint: try given.string("contact_point"))
        return try crm.liftSuppression(request: request).json
    },
    "privacy.plan_erasure": { crm, given in
        _ = try given.only("subject", "at")
        let request = PlanErasure(
            subject: try given["subject"].subject(), at: try given.moment("at"))
        return try crm.planErasure(request: request).json
    },
    "privacy.proofs": { crm, given in
        _ = try given.only("at", "subject", "contact_point", "limit", "after")
        let request = ListProofs(
            at: try given.moment("at"),
            subject: given["subject"].isNull ? nil : try given["subject"].subject(),
            contactPoint: given["contact_point"].text, limit: given.limit("limit", 100),
            after: given["after"].text)
        return try crm.listProofs(request: request).json
    },
    "privacy.remove_retention": { crm, given in
        _ = try given.only("retention")
        let request = RetentionName(retention: try given.string("retention"))
        return try crm.removeRetention(request: request).json
    },
    "privacy.retentions": { crm, given in
        _ = try given.only()
        return CrmTests.json(try crm.listRetentions(request: Empty()))
    },
]

extension ErasedTable: Wire {
    var json: Json {
        .object([
            "table": .text(table),
            "rows": CrmTests.json(rows),
            "effect": named(effect),
            "reason": CrmTests.json(reason),
        ])
    }
}

extension ErasureBlocker: Wire {
    var json: Json {
        .object([
            "reason": named(reason),
            "record": record.json,
            "attribute": CrmTests.json(attribute),
        ])
    }
}

extension ErasureDefinition: Wire {
    var json: Json {
        .object([
            "table": .text(table),
            "name": .text(name),
        ])
    }
}

extension ErasureMention: Wire {
    var json: Json {
        .object([
            "kind": named(kind),
            "record": record.json,
            "by": .text(by),
        ])
    }
}

extension KeptFacts: Wire {
    var json: Json {
        .object([
            "reference": .bool(reference),
            "sale": .bool(sale),
            "similar_goods": .bool(similarGoods),
            "told_at_collection": .bool(toldAtCollection),
        ])
    }
}

extension KeptProof: Wire {
    var json: Json {
        .object([
            "event": .text(event),
            "kind": named(kind),
            "channel": .text(channel),
            "purpose": .text(purpose),
            "controller": CrmTests.json(controller),
            "basis": basis.map { named($0) } ?? .null,
            "notice": CrmTests.json(notice),
            "notice_version": CrmTests.json(noticeVersion),
            "language": CrmTests.json(language),
            "notice_sha256": CrmTests.json(noticeSha256),
            "method": named(method),
            "requested_at": CrmTests.json(requestedAt),
            "occurred_at": CrmTests.json(occurredAt),
            "last_used_at": CrmTests.json(lastUsedAt),
            "permitted_until": CrmTests.json(permittedUntil),
            "by_guardian": .bool(byGuardian),
            "facts": facts.map { $0.json } ?? .null,
            "contact_hash": CrmTests.json(contactHash),
            "keep_until": CrmTests.json(keepUntil),
        ])
    }
}

extension ErasedProof: Wire {
    var json: Json {
        .object([
            "subject": subject.json,
            "erased_at": CrmTests.json(erasedAt),
            "proof": proof.json,
        ])
    }
}

extension ProofPage: Wire {
    var json: Json {
        .object([
            "proofs": CrmTests.json(proofs),
            "next": CrmTests.json(next),
        ])
    }
}

extension ErasurePlan: Wire {
    var json: Json {
        .object([
            "subject": subject.json,
            "tables": CrmTests.json(tables),
            "blockers": CrmTests.json(blockers),
            "mentions": CrmTests.json(mentions),
            "proofs": CrmTests.json(proofs),
            "contact_points": CrmTests.json(contactPoints),
            "files": CrmTests.json(files),
            "definitions": CrmTests.json(definitions),
        ])
    }
}

extension ErasedSubject: Wire {
    var json: Json {
        .object([
            "subject": subject.json,
            "erased_at": CrmTests.json(erasedAt),
            "reason": named(reason),
            "hashes": .array(hashes.map { .text($0) }),
            "lifted": .array(lifted.map { .text($0) }),
        ])
    }
}

extension Erasure: Wire {
    var json: Json {
        .object([
            "erased": erased.json,
            "tables": CrmTests.json(tables),
            "proofs": CrmTests.json(proofs),
            "is_log_emptied": .bool(isLogEmptied),
        ])
    }
}

extension ErasureList: Wire {
    var json: Json {
        .object([
            "key": CrmTests.json(key),
            "erased": CrmTests.json(erased),
            "next": CrmTests.json(next),
        ])
    }
}

extension AppliedErasures: Wire {
    var json: Json {
        .object([
            "erased": CrmTests.json(erased),
            "absent": CrmTests.json(absent),
            "known": CrmTests.json(known),
            "foreign_hashes": CrmTests.json(foreignHashes),
            "is_log_emptied": .bool(isLogEmptied),
            "blockers": CrmTests.json(blockers),
        ])
    }
}

extension Retention: Wire {
    var json: Json {
        let parsed = condition.flatMap { try? JsonParser.parse(Data($0.utf8)) }
        return .object([
            "name": .text(name),
            "type": .text(entityType),
            "purpose": CrmTests.json(purpose),
            "period": .text(period),
            "counts_from": named(countsFrom),
            "where": parsed ?? .null,
            "reason": .text(reason),
        ])
    }
}

extension DueForReview: Wire {
    var json: Json {
        .object([
            "subject": subject.json,
            "retention": .text(retention),
            "counted_from": CrmTests.json(countedFrom),
            "due_since": CrmTests.json(dueSince),
            "is_archived": .bool(isArchived),
            "is_restricted": .bool(isRestricted),
            "proof_until": CrmTests.json(proofUntil),
        ])
    }
}

extension ReviewPage: Wire {
    var json: Json {
        .object([
            "at": CrmTests.json(at),
            "due": CrmTests.json(due),
            "next": CrmTests.json(next),
        ])
    }
}

extension LiftedSuppression: Wire {
    var json: Json {
        .object([
            "was_suppressed": .bool(wasSuppressed),
        ])
    }
}
