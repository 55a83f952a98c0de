import Foundation

/// Imports that can be trusted: planned without writing, applied as planned, and taken back.
///
/// A table is CSV or JSON lines, in a file or in a text. Arrow tables are for C and Python: this
/// library is built without Arrow, and a source of that format is refused.
///
/// ```swift
/// let columns = ColumnMapping.each(["E-mail": "email", "Last name": "family_name"])
/// let plan = try crm.imports.planCsv("contact", columns, path: "people.csv", key: ["email"])
/// let run = try crm.imports.apply(plan)
/// try crm.imports.revert(run.import.id)
/// ```
///
/// `progress` is told how far a call is and returns whether to go on.
public struct Imports: Sendable {
    /// Is told how far a call is and says whether to go on.
    public typealias Watch = @Sendable (Progress) -> Bool

    let crm: Crm

    /// Says what would come of importing a CSV table, the file at `path` or `text`, without writing
    /// anything. With a `key`, one attribute or several that must all be equal, records that are
    /// there are changed and others created, unless `mode` says otherwise. `associations` and
    /// `activities` say which columns make what beside the record, and `stages` on which stages new
    /// records begin.
    public func planCsv(
        _ type: String, _ columns: [ColumnMapping], path: String? = nil, text: String? = nil,
        key: [String] = [], mode: ImportMode? = nil, badCells: BadCells = .rejectRow,
        dialect: CsvDialect = CsvDialect(), associations: [AssociationColumns] = [],
        activities: [ActivityColumns] = [], stages: [StartStage] = [], progress: Watch? = nil
    ) throws -> ImportPlan {
        let source = ImportSource(format: .csv, path: path, text: text, dialect: dialect)
        let request = PlanImport(
            entityType: type, source: source, columns: columns, mode: usual(mode, key), key: key,
            badCells: badCells, associations: associations, activities: activities, stages: stages)
        return try plan(request, progress)
    }

    /// Says what would come of importing JSON objects, one a line. Their keys are the columns; those
    /// of an object within one are joined by a dot, as in `home.city`.
    public func planJsonLines(
        _ type: String, _ columns: [ColumnMapping], path: String? = nil, text: String? = nil,
        key: [String] = [], mode: ImportMode? = nil, badCells: BadCells = .rejectRow,
        associations: [AssociationColumns] = [], activities: [ActivityColumns] = [],
        stages: [StartStage] = [], progress: Watch? = nil
    ) throws -> ImportPlan {
        let source = ImportSource(format: .jsonLines, path: path, text: text)
        let request = PlanImport(
            entityType: type, source: source, columns: columns, mode: usual(mode, key), key: key,
            badCells: badCells, associations: associations, activities: activities, stages: stages)
        return try plan(request, progress)
    }

    /// Works out a page of rows of a plan, or of those with one of these decisions; hand in the
    /// `next` of one page as `after` for the following one.
    public func rows(
        of plan: ImportPlan, _ decisions: [RowDecision] = [], after: UInt64 = 0,
        limit: UInt32 = 100
    ) throws -> PlannedRows {
        try crm.listPlanRows(
            request: ListPlanRows(plan: plan, after: after, limit: limit, decisions: decisions))
    }

    /// Carries out a plan and remembers what it did. It is refused with ``CrmError/StaleVersion``
    /// if the table was changed, or records that the plan looked at.
    @discardableResult
    public func apply(_ plan: ImportPlan, progress: Watch? = nil) throws -> ImportRun {
        try crm.applyPlan(
            request: ApplyPlan(plan: plan), listener: progress.map(ClosureListener.init))
    }

    /// Goes on with an import that was cancelled or cut short. The plan is the one that it was begun
    /// with, or one made anew for the same table and columns.
    @discardableResult
    public func resume(_ id: RecordId, _ plan: ImportPlan, progress: Watch? = nil) throws
        -> ImportRun
    {
        try crm.resumeImport(
            request: ResumeImport(id: id, plan: plan), listener: progress.map(ClosureListener.init))
    }

    /// Takes an import back; what others changed since is left and listed.
    @discardableResult
    public func revert(_ id: RecordId, progress: Watch? = nil) throws -> RevertReport {
        try crm.revertImport(
            request: ImportName(id: id), listener: progress.map(ClosureListener.init))
    }

    /// Reads how far an import is, and what it did.
    public func get(_ id: RecordId) throws -> Import {
        try crm.getImport(request: ImportName(id: id))
    }

    /// Reads a page of imports, the newest first.
    public func list(after: RecordId? = nil, limit: UInt32 = 100) throws -> ImportPage {
        try crm.listImports(request: ListImports(after: after, limit: limit))
    }

    private func usual(_ mode: ImportMode?, _ key: [String]) -> ImportMode {
        mode ?? (key.isEmpty ? .create : .upsert)
    }

    private func plan(_ request: PlanImport, _ progress: Watch?) throws -> ImportPlan {
        try crm.planImport(request: request, listener: progress.map(ClosureListener.init))
    }
}

extension ColumnMapping {
    /// Where columns go, each by its name. A mapping of its own says more of a column, such as the
    /// format of its dates.
    public static func each(_ columns: KeyValuePairs<String, String>) -> [ColumnMapping] {
        columns.map { ColumnMapping(column: $0.key, attribute: $0.value) }
    }
}

extension Crm {
    /// Imports that are planned, applied and taken back.
    public var imports: Imports { Imports(crm: self) }
}
