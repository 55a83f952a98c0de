// Full text search as Swift writes it.

extension Crm {
    /// Searches the texts of records and activities whose attribute or property is `searched`, the best
    /// first.
    ///
    /// All words of `text` must be there; case and accents do not matter. Words in double quotes stand
    /// one after the other, `beg*` leaves a word open, and `prefix` the last one. Without `items`, what
    /// `types` and `kinds` name is searched, and everything if they name nothing. `after` is the `next`
    /// of the page before; `limit` is 1 to 1,000.
    public func search(
        _ text: String, prefix: Bool = false, items: [SearchItem] = [], types: [String] = [],
        kinds: [String] = [], archived: Archived = .exclude, after: String? = nil,
        limit: UInt32 = 100
    ) throws -> SearchPage {
        try searchText(
            request: SearchText(
                text: text, prefix: prefix, items: items, types: types, kinds: kinds,
                archived: archived, after: after, limit: limit))
    }
}

extension Snippet {
    /// The text with a mark before and after each match, and an ellipsis where it is cut.
    public func marked(_ before: String = "**", _ after: String = "**") -> String {
        let text = parts.map { $0.isMatch ? before + $0.text + after : $0.text }.joined()
        return (isCutBefore ? "…" : "") + text + (isCutAfter ? "…" : "")
    }
}
