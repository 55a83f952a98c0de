import Foundation

/// What the file knows about people, what they may ask of it, and its end: `crm.privacy`.
///
/// Every method forwards to the engine; the errors are those of ``CrmError``.
public struct Privacy: Sendable {
    let crm: Crm

    /// Shows a person what the file has of them: a JSON document, or with `table` one of its tables as CSV.
    /// It is written to a new file at `path`, or returned as text. `progress` is told how far it is and
    /// returns whether to go on.
    public func access(
        _ subject: RecordRef, path: String? = nil, scope: AccessScope = .everything,
        table: String? = nil, at: Date? = nil, progress: (@Sendable (Progress) -> Bool)? = nil
    ) throws -> AccessReport {
        try crm.accessData(
            request: AccessData(
                subject: subject, scope: scope, table: table, at: at, path: path),
            listener: progress.map(ClosureListener.init))
    }

    /// The register of processing activities (GDPR art. 30), made from the purposes and the retention rules.
    public func register(controller: String? = nil) throws -> ProcessingRegister {
        try crm.makeRegister(request: GetRegister(controller: controller))
    }

    /// What erasing a person would do, what stays and why, and what speaks against it.
    public func planErasure(_ subject: RecordRef, at: Date? = nil) throws -> ErasurePlan {
        try crm.planErasure(request: PlanErasure(subject: subject, at: at))
    }

    /// Erases a person, with all that the file and its journal say, in one transaction. The contact points
    /// of the person are refused from then on, until `liftSuppression`.
    @discardableResult
    public func erase(
        _ subject: RecordRef, reason: ErasureReason = .requested, expectedVersion: Int64? = nil
    ) throws -> Erasure {
        try crm.eraseSubject(
            request: EraseSubject(
                subject: subject, reason: reason, expectedVersion: expectedVersion))
    }

    /// A page of those who were erased, as random ids and keyed hashes, to be kept beside backups.
    public func erasures(after: Int64 = 0, limit: UInt32 = 100) throws -> ErasureList {
        try crm.listErasures(request: ListErasures(after: after, limit: limit))
    }

    /// Erases in an older copy of the file whom a list names, in one transaction.
    @discardableResult
    public func applyErasures(_ list: ErasureList) throws -> AppliedErasures {
        try crm.applyErasures(request: ApplyErasures(key: list.key, erased: list.erased))
    }

    /// A page of the proofs of consent that are kept of persons who were erased, those first that go first:
    /// all, those still kept at a moment, those of one record, or those that were given with a contact point.
    public func proofs(
        at: Date? = nil, subject: RecordRef? = nil, contactPoint: String? = nil,
        limit: UInt32 = 100, after: String? = nil
    ) throws -> ProofPage {
        try crm.listProofs(
            request: ListProofs(
                at: at, subject: subject, contactPoint: contactPoint, limit: limit, after: after))
    }

    /// Lets a contact point come back, because the person did; answers whether it was suppressed.
    @discardableResult
    public func liftSuppression(_ contactPoint: String) throws -> Bool {
        try crm.liftSuppression(request: LiftSuppression(contactPoint: contactPoint)).wasSuppressed
    }

    /// Defines how long records of a type are kept, or changes it: what is stated is all of the rule. It has
    /// nothing done by itself: see `dueForReview`.
    @discardableResult
    public func defineRetention(
        _ name: String, of type: String, for period: String, from start: RetentionStart,
        purpose: String? = nil, where condition: (any ConditionConvertible)? = nil,
        reason: String = ""
    ) throws -> Retention {
        try crm.defineRetention(
            request: Retention(
                name: name, entityType: type, purpose: purpose, period: period, countsFrom: start,
                condition: condition?.condition, reason: reason))
    }

    /// All retention rules, by name.
    public func retentions() throws -> [Retention] { try crm.listRetentions(request: Empty()) }

    /// Removes a retention rule, and answers what it was. The journal still has it.
    @discardableResult
    public func removeRetention(_ retention: String) throws -> Retention {
        try crm.removeRetention(request: RetentionName(retention: retention))
    }

    /// A page of the records that were kept for as long as the rules say, the longest due first: at a moment,
    /// or now, or as of the page before. Nothing is changed: what becomes of a record is yours to say.
    public func dueForReview(
        at: Date? = nil, retention: String? = nil, type: String? = nil, limit: UInt32 = 100,
        after: String? = nil
    ) throws -> ReviewPage {
        try crm.listDueForReview(
            request: ListDueForReview(
                at: at, retention: retention, entityType: type, limit: limit, after: after))
    }
}
