import Foundation

/// What the file knows about people, and what they may ask of it: `crm.privacy`.
///
/// Every method forwards to the engine; the errors are those of ``CrmError``.
public struct Privacy: Sendable {
    let crm: Crm

    /// Shows a person what the file has of them: a JSON document, or with `table` one of its tables as CSV.
    /// It is written to a new file at `path`, or returned as text.
    public func access(
        _ subject: RecordRef, path: String? = nil, scope: AccessScope = .everything,
        table: String? = nil, at: Date? = nil, listener: (any ProgressListener)? = nil
    ) throws -> AccessReport {
        try crm.accessData(
            request: AccessData(
                subject: subject, scope: scope, table: table, at: at, path: path),
            listener: listener)
    }

    /// The register of processing activities (GDPR art. 30), made from the purposes.
    public func register(controller: String? = nil) throws -> ProcessingRegister {
        try crm.makeRegister(request: GetRegister(controller: controller))
    }
}
