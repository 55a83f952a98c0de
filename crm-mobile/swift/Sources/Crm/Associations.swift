import Foundation

/// Links between records: `crm.associations`.
///
/// Days are texts such as `2024-07-01`, as everywhere: a `Date` is a moment. Every method forwards to
/// the engine; the errors are those of ``CrmError``.
public struct Associations: Sendable {
    let crm: Crm

    /// Adds an association that leads from a record to another, and returns it with its id.
    ///
    /// It holds from the day `validFrom` to the day `validTo`, both included; since ever and for ever
    /// where they are left out. One that is primary takes the flag from the one that was.
    @discardableResult
    public func add(
        _ type: String, from: RecordRef, to: RecordRef, role: String? = nil,
        isPrimary: Bool = false, validFrom: Day? = nil, validTo: Day? = nil, values: Values = [:]
    ) throws -> Association {
        try crm.addAssociation(
            request: AddAssociation(
                associationType: type, from: from, to: to, role: role, isPrimary: isPrimary,
                validFrom: validFrom, validTo: validTo, values: values))
    }

    /// Reads an association.
    public func get(_ id: RecordId) throws -> Association {
        try crm.getAssociation(request: GetAssociation(id: id))
    }

    /// Changes `role`, `is_primary`, `valid_from`, `valid_to` or attributes; `nil` clears, those left
    /// out stay.
    @discardableResult
    public func patch(_ id: RecordId, _ changes: Values, expectedVersion: Int64? = nil) throws
        -> Association
    {
        try crm.patchAssociation(
            request: PatchAssociation(id: id, changes: changes, expectedVersion: expectedVersion))
    }

    /// Archives an association: it stays readable, and no longer counts.
    @discardableResult
    public func archive(_ id: RecordId, expectedVersion: Int64? = nil) throws -> Association {
        try crm.archiveAssociation(
            request: ArchiveAssociation(id: id, expectedVersion: expectedVersion))
    }

    /// Takes an association out of the archive, if what was added meanwhile leaves room for it.
    @discardableResult
    public func restore(_ id: RecordId, expectedVersion: Int64? = nil) throws -> Association {
        try crm.restoreAssociation(
            request: RestoreAssociation(id: id, expectedVersion: expectedVersion))
    }

    /// Reads everything that a record is associated with on a day, page by page.
    ///
    /// Without a day the present one counts, in UTC; `atAnyTime` asks for every day. Associations that
    /// are archived, or lead to an archived record, are left out unless `archived` says so.
    public func related(
        _ record: RecordRef, _ type: String? = nil, direction: AssociationDirection = .both,
        role: String? = nil, on: Day? = nil, atAnyTime: Bool = false,
        archived: Archived = .exclude, withRecords: Bool = false
    ) throws -> [Related] {
        var found: [Related] = []
        var after: String?
        repeat {
            let page = try crm.findRelated(
                request: FindRelated(
                    record: record, associationType: type, direction: direction, role: role,
                    on: on, atAnyTime: atAnyTime, archived: archived, withRecords: withRecords,
                    after: after, limit: 1000))
            found += page.related
            after = page.next
        } while after != nil
        return found
    }

    /// Follows associations of a type from record to record, each record once, nearest first. In a
    /// hierarchy `.outgoing` leads up and `.incoming` down.
    public func walk(
        _ type: String, from record: RecordRef, direction: AssociationDirection = .both,
        on: Day? = nil, atAnyTime: Bool = false, throughArchived: Bool = false,
        maxDepth: UInt32 = 64, limit: UInt32 = 1000
    ) throws -> AssociationWalk {
        try crm.walkAssociations(
            request: WalkAssociations(
                associationType: type, record: record, direction: direction, on: on,
                atAnyTime: atAnyTime, throughArchived: throughArchived, maxDepth: maxDepth,
                limit: limit))
    }
}

extension Record {
    /// The name of the record, as associations and activities take it.
    public var ref: RecordRef { RecordRef(entityType: entityType, id: id) }
}
