import Foundation

extension CrmError: LocalizedError {
    /// What every kind of error carries: one line of text, the field it is about, and what to do.
    public var parts: (detail: String, field: String?, hint: String?) {
        // Every case has the same three members, by the one macro that makes them.
        let members = Mirror(reflecting: self).children.first.map { Mirror(reflecting: $0.value) }
        func member(_ name: String) -> Any? {
            members?.children.first { $0.label == name }?.value
        }
        return (
            member("detail") as? String ?? text(), member("field") as? String,
            member("hint") as? String
        )
    }

    /// The error as one line of text, with field and hint.
    public var errorDescription: String? { text() }
}
