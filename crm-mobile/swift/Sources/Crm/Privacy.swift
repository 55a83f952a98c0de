import Foundation

/// Erasing people, and keeping them from coming back: `crm.privacy`.
///
/// Every method forwards to the engine; the errors are those of ``CrmError``.
public struct Privacy: Sendable {
    let crm: Crm

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

    /// Lets a contact point come back, because the person did; answers whether it was suppressed.
    @discardableResult
    public func liftSuppression(_ contactPoint: String) throws -> Bool {
        try crm.liftSuppression(request: LiftSuppression(contactPoint: contactPoint)).wasSuppressed
    }
}
