import Foundation

// What Swift expects beyond the generated methods: defaults, closures, and work off the main thread.

extension Crm {
    /// Opens the file at `path`, and makes it if it is not there; `":memory:"` keeps it in memory.
    public static func open(
        _ path: String, durability: Durability = .full, readOnly: Bool = false,
        maxBytes: UInt64? = nil, actor: String? = nil, replay: Replay? = nil
    ) throws -> Crm {
        try Crm(
            path: path,
            options: OpenOptions(
                durability: durability, readOnly: readOnly, maxBytes: maxBytes, actor: actor,
                replay: replay))
    }

    /// Records of an entity type.
    public func records(_ type: String) -> Records { Records(crm: self, type: type) }

    /// Records of the type `contact`.
    public var contacts: Records { records("contact") }

    /// Records of the type `company`.
    public var companies: Records { records("company") }

    /// Records of the type `deal`.
    public var deals: Records { records("deal") }

    /// What people allowed, and whether we may contact them.
    public var consents: Consents { Consents(crm: self) }

    /// What the file knows about people, and what they may ask of it.
    public var privacy: Privacy { Privacy(crm: self) }

    /// Stages, and where records stand on them.
    public var lifecycles: Lifecycles { Lifecycles(crm: self) }

    /// What is done when something happens with a record.
    public var rules: Rules { Rules(crm: self) }

    /// How promising records are: models, scores, explanations and rankings.
    public var scores: Scores { Scores(crm: self) }

    /// Scores learned from records: training, leaks, explanations, rankings and back-tests.
    public var learnedScores: LearnedScores { LearnedScores(crm: self) }

    /// Named conditions, and their members.
    public var segments: Segments { Segments(crm: self) }

    /// Links between records.
    public var associations: Associations { Associations(crm: self) }

    /// Defines a type of associations, or changes one: texts, `from` and `to` stay as they are where
    /// they are empty, and attributes that are not listed stay.
    @discardableResult
    public func defineAssociations(
        _ name: String, from: [String] = [], to: [String] = [], _ attributes: [Attribute] = [],
        label: String = "", inverseLabel: String = "", description: String = "",
        maxOutgoing: UInt32? = nil, maxIncoming: UInt32? = nil, roles: [String] = [],
        isHierarchy: Bool = false
    ) throws -> AssociationType {
        try defineAssociationType(
            request: DefineAssociationType(
                name: name, label: label, inverseLabel: inverseLabel, description: description,
                from: from, to: to, maxOutgoing: maxOutgoing, maxIncoming: maxIncoming,
                roles: roles.map { ChoiceOption(value: $0) }, isHierarchy: isHierarchy,
                attributes: attributes))
    }

    /// Defines an entity type, or changes one.
    @discardableResult
    public func define(_ name: String, _ attributes: [Attribute], label: String = "") throws
        -> EntityType
    {
        try defineType(request: DefineType(name: name, label: label, attributes: attributes))
    }

    /// Runs one read-only SQL statement and returns its rows.
    public func query(_ sql: String, _ parameters: [Value] = []) throws -> [[Value]] {
        try self.sql(request: RunSql(sql: sql, parameters: parameters)).rows
    }

    /// Imports a CSV table. `progress` is told how far it is and returns whether to go on.
    public func importCsv(
        _ request: ImportCsv, progress: @escaping @Sendable (Progress) -> Bool
    ) throws -> ImportReport {
        try importCsv(request: request, listener: ClosureListener(progress))
    }

    /// Imports address cards. `progress` is told how far it is and returns whether to go on.
    public func importVcard(
        _ request: ImportVcard, progress: @escaping @Sendable (Progress) -> Bool
    ) throws -> ImportReport {
        try importVcard(request: request, listener: ClosureListener(progress))
    }

    /// Tells `body` of every commit until the returned observation is stopped.
    public func onCommit(_ body: @escaping @Sendable (Commit) -> Void) throws -> Observation {
        try observe(observer: ClosureObserver(body))
    }

    /// Runs blocking work with this handle on a thread of its own, so that neither the main thread
    /// nor Swift's cooperative threads wait for the disk.
    public func background<T: Sendable>(_ work: @escaping @Sendable (Crm) throws -> T) async throws
        -> T
    {
        try await withCheckedThrowingContinuation { continuation in
            DispatchQueue.global().async {
                continuation.resume(with: Result { try work(self) })
            }
        }
    }
}

extension Attribute {
    /// An attribute with the rules that are named; the others are off.
    public init(
        _ name: String, _ kind: Kind, label: String = "", description: String = "",
        required: Bool = false, unique: Bool = false, index: Bool = false, searched: Bool = false,
        defaultValue: Value? = nil, options: [String] = [], minimum: Value? = nil,
        maximum: Value? = nil, length: UInt32? = nil, pattern: String? = nil, scale: UInt8? = nil,
        currency: String? = nil, target: String? = nil, formula: String? = nil,
        sensitivity: Sensitivity = .none, purpose: String? = nil
    ) {
        self.init(
            name: name, kind: kind, label: label, description: description, required: required,
            unique: unique, index: index, searched: searched, default: defaultValue,
            options: options.map { ChoiceOption(value: $0) }, minimum: minimum, maximum: maximum,
            length: length, pattern: pattern, scale: scale, currency: currency, target: target,
            formula: formula, sensitivity: sensitivity, purpose: purpose)
    }
}

final class ClosureListener: ProgressListener {
    private let body: @Sendable (Progress) -> Bool

    init(_ body: @escaping @Sendable (Progress) -> Bool) { self.body = body }

    func progress(progress: Progress) throws -> Bool { body(progress) }
}

final class ClosureObserver: CommitObserver {
    private let body: @Sendable (Commit) -> Void

    init(_ body: @escaping @Sendable (Commit) -> Void) { self.body = body }

    func committed(commit: Commit) throws { body(commit) }
}
