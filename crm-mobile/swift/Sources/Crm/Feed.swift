import Foundation

/// The changes that a consumer has not acknowledged: `crm.feed("warehouse")`.
///
/// What is not acknowledged comes again, also after a crash: at least once.
///
/// ```swift
/// let feed = crm.feed("warehouse")
/// while case let page = try feed.page(), !page.changes.isEmpty {
///     try page.changes.forEach(deliver)
///     try feed.acknowledge(page.next)
/// }
/// ```
public struct Feed: Sendable {
    let crm: Crm
    let consumer: String

    /// Reads the first page of what is not acknowledged, without moving the consumer.
    public func page(limit: UInt32 = 100) throws -> ChangePage {
        try crm.listChanges(request: ListChanges(limit: limit, consumer: consumer))
    }

    /// Reads the same as CloudEvents in JSON.
    public func events(limit: UInt32 = 100) throws -> CloudEventPage {
        try crm.listCloudEvents(request: ListChanges(limit: limit, consumer: consumer))
    }

    /// Says that the change of place `seq` and all before it are taken.
    @discardableResult
    public func acknowledge(_ seq: Int64) throws -> Consumer {
        try crm.acknowledgeChanges(request: AcknowledgeChanges(consumer: consumer, seq: seq))
    }

    /// Forgets the consumer: whoever reads in its name later begins at the beginning.
    public func remove() throws {
        _ = try crm.removeConsumer(request: ConsumerName(consumer: consumer))
    }
}

extension Crm {
    /// The changes that `consumer` has not acknowledged.
    public func feed(_ consumer: String) -> Feed { Feed(crm: self, consumer: consumer) }

    /// The consumers of the changes, and how far behind each is.
    public func consumers() throws -> [Consumer] { try listConsumers(request: Empty()) }
}
