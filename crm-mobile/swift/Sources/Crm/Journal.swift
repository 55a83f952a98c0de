import Foundation

/// The chain of the journal: `crm.journal`.
///
/// ```swift
/// let kept = try crm.journal.head()
/// let report = try crm.journal.verify(through: kept)
/// ```
public struct Journal: Sendable {
    let crm: Crm

    /// The end of the journal, to be kept elsewhere.
    public func head() throws -> JournalHead { try crm.journalHead(request: Empty()) }

    /// Follows the chain, which has to lead through `head` if one is given. `progress` is told how far it
    /// is and returns whether to go on.
    public func verify(
        through head: JournalHead? = nil, progress: (@Sendable (Progress) -> Bool)? = nil
    ) throws -> JournalReport {
        try crm.verifyJournal(
            request: VerifyJournal(head: head), listener: progress.map(ClosureListener.init))
    }

    /// Proves that changes stand in the journal as they are shown, up to the head of place `until`.
    public func prove(_ seqs: [Int64], until: Int64? = nil) throws -> JournalProof {
        try crm.proveChanges(request: ProveChanges(seqs: seqs, until: until))
    }
}

extension Crm {
    /// The chain of the journal.
    public var journal: Journal { Journal(crm: self) }
}
