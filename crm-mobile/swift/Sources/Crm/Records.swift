import Foundation

/// Records of one entity type: `crm.records("book")`.
///
/// Every method forwards to the engine; the errors are those of ``CrmError``.
public struct Records: Sequence, Sendable {
    let crm: Crm
    let type: String

    /// Adds a record and returns it with its id.
    @discardableResult
    public func create(_ values: Values) throws -> Record {
        try crm.createRecord(request: CreateRecord(entityType: type, values: values))
    }

    /// Reads a record.
    public func get(_ id: RecordId) throws -> Record {
        try crm.getRecord(request: GetRecord(entityType: type, id: id))
    }

    /// Reads the record that has this value of a unique attribute.
    public func get(by attribute: String, _ value: Value) throws -> Record {
        try crm.getRecordBy(
            request: GetRecordBy(entityType: type, attribute: attribute, value: value))
    }

    /// Reads several records by id; `nil` stands where there is none.
    public func get(_ ids: [RecordId]) throws -> [Record?] {
        let keys = ids.map { Value.text($0) }
        return try crm.getManyRecords(request: GetManyRecords(entityType: type, keys: keys)).records
    }

    /// Changes some values; `nil` clears an attribute, those left out stay.
    @discardableResult
    public func patch(_ id: RecordId, _ values: Values, expectedVersion: Int64? = nil) throws
        -> Record
    {
        try crm.patchRecord(
            request: PatchRecord(
                entityType: type, id: id, values: values, expectedVersion: expectedVersion))
    }

    /// Creates a record, or changes the one with the same value of the unique attribute `key`.
    @discardableResult
    public func upsert(by key: String, _ values: Values) throws -> Upserted {
        try crm.upsertRecord(request: UpsertRecord(entityType: type, key: key, values: values))
    }

    /// Archives a record: it stays readable, and lists leave it out.
    @discardableResult
    public func archive(_ id: RecordId, expectedVersion: Int64? = nil) throws -> Record {
        try crm.archiveRecord(
            request: ArchiveRecord(entityType: type, id: id, expectedVersion: expectedVersion))
    }

    /// Takes a record out of the archive.
    @discardableResult
    public func restore(_ id: RecordId, expectedVersion: Int64? = nil) throws -> Record {
        try crm.restoreRecord(
            request: RestoreRecord(entityType: type, id: id, expectedVersion: expectedVersion))
    }

    /// Reads a page; hand in the `next` of one page as `after` for the following one.
    ///
    /// `condition` is text such as `employees >= 50`, JSON, or built as `field("employees") >= 50`;
    /// `at` counts as now in it, and days are those of the time zone `zone`, UTC by default.
    public func list(
        filter: Values = [:], where condition: (any ConditionConvertible)? = nil, at: Date? = nil,
        zone: String? = nil, order: Order? = nil, archived: Archived = .exclude,
        after: String? = nil, limit: UInt32 = 100
    ) throws -> RecordPage {
        try crm.listRecords(
            request: ListRecords(
                entityType: type, filter: filter, condition: condition?.condition, at: at,
                zone: zone, order: order, archived: archived, after: after, limit: limit))
    }

    /// Counts the records that ``list(filter:where:at:zone:order:archived:after:limit:)`` takes.
    public func count(
        filter: Values = [:], where condition: (any ConditionConvertible)? = nil, at: Date? = nil,
        zone: String? = nil, archived: Archived = .exclude
    ) throws -> UInt64 {
        try crm.countRecords(
            request: CountRecords(
                entityType: type, filter: filter, condition: condition?.condition, at: at,
                zone: zone, archived: archived))
    }

    /// The normal form of a condition; it throws what does not fit this type.
    public func check(_ condition: any ConditionConvertible) throws -> CheckedCondition {
        try crm.checkCondition(
            request: CheckCondition(entityType: type, condition: condition.condition))
    }

    /// Whether a condition is true for a record, and why.
    public func evaluate(
        _ id: RecordId, _ condition: any ConditionConvertible, at: Date? = nil, zone: String? = nil
    ) throws -> ConditionAnswer {
        try crm.evaluateCondition(
            request: EvaluateCondition(
                entityType: type, id: id, condition: condition.condition, at: at, zone: zone))
    }

    /// The SQL of a condition and its plan, and for a record the reasons.
    public func explain(
        _ condition: any ConditionConvertible, id: RecordId? = nil, at: Date? = nil,
        zone: String? = nil
    ) throws -> ConditionPlan {
        try crm.explainCondition(
            request: ExplainCondition(
                entityType: type, condition: condition.condition, at: at, zone: zone, id: id))
    }

    /// Counts how complete the records are, and finds what looks like a mistake: misspellings,
    /// duplicates, outliers and others, each with up to `examples` ids. `at` counts as now. `progress` is
    /// told how far it is and returns whether to go on.
    public func audit(
        at: Date? = nil, staleAfterDays: UInt32 = 365, examples: UInt32 = 5,
        progress: (@Sendable (Progress) -> Bool)? = nil
    ) throws -> AuditReport {
        try crm.auditRecords(
            request: AuditRecords(
                entityType: type, at: at, staleAfterDays: staleAfterDays, examples: examples),
            listener: progress.map(ClosureListener.init))
    }

    /// Reads the history of a record, or of one of its attributes, oldest first.
    public func history(_ id: RecordId, attribute: String? = nil) throws -> [HistoryEntry] {
        var entries: [HistoryEntry] = []
        var after: Int64? = 0
        while let place = after {
            let page = try crm.getHistory(
                request: GetHistory(
                    entityType: type, id: id, attribute: attribute, after: place, limit: 1000))
            entries += page.entries
            after = page.next
        }
        return entries
    }

    /// Writes several records in one transaction and says for each what became of it.
    @discardableResult
    public func create(many rows: [Values], allOrNothing: Bool = false) throws -> ApplyReport {
        let changes = rows.map {
            RecordChange.create(CreateRecord(entityType: type, values: $0))
        }
        return try crm.applyChanges(
            request: ApplyChanges(changes: changes, allOrNothing: allOrNothing))
    }

    /// All records in use, by id, read page by page. A read that fails ends the sequence; ask
    /// ``list(filter:order:archived:after:limit:)`` where the error matters.
    public func makeIterator() -> AnyIterator<Record> {
        var page: [Record] = []
        var position = 0
        var after: String?
        var hasMore = true
        return AnyIterator {
            if position == page.count {
                guard hasMore, let next = try? list(after: after, limit: 1000) else { return nil }
                (page, position) = (next.records, 0)
                after = next.next
                hasMore = after != nil
            }
            guard position < page.count else { return nil }
            defer { position += 1 }
            return page[position]
        }
    }
}

extension Record {
    /// The value of an attribute; `.null` if it has none.
    public subscript(attribute: String) -> Value { values[attribute] ?? .null }
}
