import Foundation

/// Named conditions, and their members: `crm.segments`.
///
/// Every method forwards to the engine; the errors are those of ``CrmError``.
public struct Segments: Sendable {
    let crm: Crm

    /// Defines a segment of an entity type, or changes one, and finds its members: what is stated is all of
    /// it. A static segment has no condition, every other one needs it.
    @discardableResult
    public func define(
        _ name: String, of type: String, where condition: (any ConditionConvertible)? = nil,
        kind: SegmentKind = .live, label: String = "", description: String = "",
        zone: String? = nil
    ) throws -> SegmentReport {
        try crm.defineSegment(
            request: DefineSegment(
                name: name, entityType: type, kind: kind, label: label, description: description,
                condition: condition?.condition, zone: zone))
    }

    /// The definition of a segment.
    public func get(_ segment: String) throws -> Segment {
        try crm.getSegment(request: SegmentName(segment: segment))
    }

    /// All segments, archived ones included, by name.
    public func list() throws -> [Segment] { try crm.listSegments(request: Empty()) }

    /// Archives a segment: its members stay as they are, and conditions can no longer ask for it.
    @discardableResult
    public func archive(_ segment: String) throws -> Segment {
        try crm.archiveSegment(request: SegmentName(segment: segment))
    }

    /// Takes a segment out of the archive; a live one gets the members that it would have by now.
    @discardableResult
    public func restore(_ segment: String) throws -> SegmentReport {
        try crm.restoreSegment(request: SegmentName(segment: segment))
    }

    /// Asks all records anew whether they are members of a snapshot or a live segment. `progress` is told
    /// how far it is and returns whether to go on.
    @discardableResult
    public func refresh(
        _ segment: String, progress: (@Sendable (Progress) -> Bool)? = nil
    ) throws -> SegmentReport {
        try crm.refreshSegment(
            request: SegmentName(segment: segment), listener: progress.map(ClosureListener.init))
    }

    /// Adds records to a static segment. Those that are members already stay.
    @discardableResult
    public func add(_ ids: [String], to segment: String, reason: String? = nil) throws
        -> SegmentReport
    {
        try crm.addSegmentMembers(
            request: ChangeMembers(segment: segment, ids: ids, reason: reason))
    }

    /// Removes records from a static segment.
    @discardableResult
    public func remove(_ ids: [String], from segment: String, reason: String? = nil) throws
        -> SegmentReport
    {
        try crm.removeSegmentMembers(
            request: ChangeMembers(segment: segment, ids: ids, reason: reason))
    }

    /// A page of members, by id.
    public func members(of segment: String, after: String? = nil, limit: UInt32 = 100) throws
        -> SegmentMembers
    {
        try crm.listMembers(request: ListMembers(segment: segment, after: after, limit: limit))
    }

    /// Says why a record is a member or not, since when, and what made it come and go.
    public func explain(_ id: String, in segment: String, limit: UInt32 = 100) throws
        -> MemberExplanation
    {
        try crm.explainMember(request: ExplainMember(segment: segment, id: id, limit: limit))
    }

    /// Counts the members at moments, only now if there are none; or for every stretch of the calendar.
    public func sizes(
        of segment: String, at: [Date] = [], every: Bucket? = nil, from: Date? = nil,
        until: Date? = nil, zone: String? = nil
    ) throws -> [SegmentSize] {
        try crm.getSegmentSizes(
            request: GetSegmentSizes(
                segment: segment, at: at, every: every, from: from, until: until, zone: zone)
        ).sizes
    }

    /// Counts the members that two segments of one entity type share.
    public func overlap(_ segment: String, _ other: String) throws -> SegmentOverlap {
        try crm.overlapSegments(request: OverlapSegments(segment: segment, other: other))
    }

    /// Says about how many members a segment would have, before it is saved.
    public func estimate(
        _ type: String, where condition: any ConditionConvertible, zone: String? = nil
    ) throws -> SegmentEstimate {
        try crm.estimateSegment(
            request: EstimateSegment(entityType: type, condition: condition.condition, zone: zone))
    }
}
