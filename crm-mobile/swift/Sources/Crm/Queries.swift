import Foundation

// Rows of columns, figures over groups of records, and two-way tables.

extension Records {
    /// Reads a page of rows: fields of records, of related ones, figures over activities, stages and
    /// scores, as `SelectColumn(lifecycle: "account")`.
    ///
    ///     try crm.companies.select(
    ///         ["name", SelectColumn(event: "purchase", last: "at", name: "last purchase")],
    ///         where: "employees >= 50", order: ["name"])
    ///
    /// `condition` is text, JSON or built; `at` counts as now, and days are those of the time zone
    /// `zone`, UTC by default. Hand in the `next` of one page as `after` for the following one, with
    /// the same `at`.
    public func select(
        _ columns: [SelectColumn], where condition: (any ConditionConvertible)? = nil,
        order: [FieldOrder] = [], archived: Archived = .exclude, after: String? = nil,
        limit: UInt32 = 100, at: Date? = nil, zone: String? = nil
    ) throws -> RowsPage {
        try crm.selectRows(
            request: SelectRows(
                entityType: type, condition: condition?.condition, columns: columns, order: order,
                archived: archived, after: after, limit: limit, at: at, zone: zone))
    }

    /// Shows every row of ``select(_:where:order:archived:after:limit:at:zone:)`` to `body`, read page
    /// by page.
    public func selectEach(
        _ columns: [SelectColumn], where condition: (any ConditionConvertible)? = nil,
        order: [FieldOrder] = [], archived: Archived = .exclude, pageSize: UInt32 = 1000,
        at: Date = Date(), zone: String? = nil, _ body: ([Value]) throws -> Void
    ) throws {
        try eachRow(body) {
            try select(
                columns, where: condition, order: order, archived: archived, after: $0,
                limit: pageSize, at: at, zone: zone)
        }
    }

    /// Computes figures over groups of records, those that are alike in `by`; over all without it.
    ///
    ///     try crm.deals.group(
    ///         by: [GroupKey(field: "closed_on", bucket: .month)], [GroupMeasure(count: true)])
    public func group(
        by: [GroupKey] = [], _ measures: [GroupMeasure] = [],
        where condition: (any ConditionConvertible)? = nil,
        order: [ResultOrder] = [], archived: Archived = .exclude, after: String? = nil,
        limit: UInt32 = 10_000, at: Date? = nil, zone: String? = nil
    ) throws -> RowsPage {
        try crm.groupRecords(
            request: GroupRecords(
                entityType: type, condition: condition?.condition, by: by, measures: measures,
                order: order, archived: archived, after: after, limit: limit, at: at, zone: zone))
    }

    /// Shows every group of ``group(by:_:where:order:archived:after:limit:at:zone:)`` to `body`, read
    /// page by page.
    public func groupEach(
        by: [GroupKey] = [], _ measures: [GroupMeasure] = [],
        where condition: (any ConditionConvertible)? = nil,
        order: [ResultOrder] = [], archived: Archived = .exclude, pageSize: UInt32 = 10_000,
        at: Date = Date(), zone: String? = nil, _ body: ([Value]) throws -> Void
    ) throws {
        try eachRow(body) {
            try group(
                by: by, measures, where: condition, order: order, archived: archived, after: $0,
                limit: pageSize, at: at, zone: zone)
        }
    }

    /// Groups records in two directions, with totals over the records.
    public func pivot(
        rows: [GroupKey], columns: [GroupKey], _ measure: GroupMeasure,
        where condition: (any ConditionConvertible)? = nil, archived: Archived = .exclude,
        at: Date? = nil,
        zone: String? = nil
    ) throws -> PivotTable {
        try crm.pivotRecords(
            request: PivotRecords(
                entityType: type, condition: condition?.condition, rows: rows, columns: columns,
                measure: measure, archived: archived, at: at, zone: zone))
    }
}

extension Crm {
    /// Saves a query as a view, or changes what is saved under the name. Label and description stay
    /// where they are empty.
    @discardableResult
    public func save(
        view name: String, _ query: ViewQuery, label: String = "", description: String = ""
    ) throws -> SavedView {
        try saveView(
            request: SaveView(name: name, label: label, description: description, query: query))
    }

    /// All saved views, archived ones included, by name.
    public func views() throws -> [SavedView] { try listViews(request: Empty()) }

    /// The answer of a view: a page of rows or groups, or a two-way table.
    public func run(
        view name: String, after: String? = nil, limit: UInt32? = nil, at: Date? = nil
    ) throws -> ViewAnswer {
        try runView(request: RunView(name: name, after: after, limit: limit, at: at))
    }
}

private func eachRow(
    _ body: ([Value]) throws -> Void, _ read: (String?) throws -> RowsPage
) throws {
    var after: String?
    repeat {
        let page = try read(after)
        try page.rows.forEach(body)
        after = page.next
    } while after != nil
}

extension RowsPage {
    /// Each row by the names of the columns.
    public var dictionaries: [Values] {
        rows.map { Dictionary(uniqueKeysWithValues: zip(columns.map(\.name), $0)) }
    }
}

extension SelectColumn: ExpressibleByStringLiteral {
    /// A field of the record.
    public init(stringLiteral field: String) { self.init(field: field) }
}

extension FieldOrder: ExpressibleByStringLiteral {
    /// From the least to the greatest.
    public init(stringLiteral field: String) { self.init(field: field) }
}

extension GroupKey: ExpressibleByStringLiteral {
    /// The values of a field.
    public init(stringLiteral field: String) { self.init(field: field) }
}
