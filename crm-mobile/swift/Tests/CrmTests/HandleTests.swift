import Crm
import Foundation
import XCTest

final class HandleTests: XCTestCase {
    /// Counts from several threads.
    private final class Counter: @unchecked Sendable {
        private let lock = NSLock()
        private var count = 0
        func add() { lock.lock(); count += 1; lock.unlock() }
        var value: Int { lock.lock(); defer { lock.unlock() }; return count }
    }

    func testAClosedHandleSaysSo() throws {
        let crm = try Crm.open(":memory:")
        let other = try crm.actingAs(actor: "user:1", cause: nil)
        try crm.close()
        try crm.close()
        XCTAssertThrowsError(try other.contacts.count()) {
            XCTAssertEqual(($0 as? CrmError)?.name(), "closed")
        }
    }

    func testAFileHasOneOwner() throws {
        let path = NSTemporaryDirectory() + UUID().uuidString + ".crm"
        defer { try? FileManager.default.removeItem(atPath: path) }
        let crm = try Crm.open(path)
        XCTAssertThrowsError(try Crm.open(path)) {
            XCTAssertEqual(($0 as? CrmError)?.name(), "in_use")
        }
        try crm.close()
        try Crm.open(path).close()
    }

    func testAKeyNeedsALibraryThatEncrypts() throws {
        let path = NSTemporaryDirectory() + UUID().uuidString + ".crm"
        let asked: @Sendable () throws -> Data = { fatalError("nobody asks") }
        XCTAssertThrowsError(try Crm.openEncrypted(path, key: asked)) {
            XCTAssertEqual(($0 as? CrmError)?.name(), "invalid_argument")
            XCTAssertEqual(($0 as? CrmError)?.parts.field, "key")
        }
        XCTAssertThrowsError(try Crm.rekey(path, key: nil, newKey: asked))
        XCTAssertFalse(FileManager.default.fileExists(atPath: path))
    }

    func testEightThreadsShareOneHandle() throws {
        let crm = try Crm.open(":memory:")
        let failures = Counter()
        DispatchQueue.concurrentPerform(iterations: 8) { thread in
            for number in 0..<25 {
                do {
                    let name = "company \(thread) \(number)"
                    let made = try crm.companies.create(["name": .text(name)])
                    if try crm.companies.get(made.id)["name"].string != name { failures.add() }
                } catch {
                    failures.add()
                }
            }
        }
        XCTAssertEqual(failures.value, 0)
        XCTAssertEqual(try crm.companies.count(), 200)
    }

    func testAnObserverIsToldAfterTheCommitUntilItStops() throws {
        let crm = try Crm.open(":memory:")
        let told = Counter()
        let observation = try crm.onCommit { _ in told.add() }
        try crm.companies.create(["name": "Acme"])
        XCTAssertEqual(told.value, 1)
        try observation.stop()
        try crm.companies.create(["name": "Other"])
        XCTAssertEqual(told.value, 1)
    }

    func testAWriteInsideAnObserverIsRefused() throws {
        let crm = try Crm.open(":memory:")
        let refused = Counter()
        let observation = try crm.onCommit { [unowned crm] _ in
            do {
                try crm.companies.create(["name": "again"])
            } catch CrmError.Reentrant {
                refused.add()
            } catch {}
        }
        try crm.companies.create(["name": "Acme"])
        XCTAssertEqual(refused.value, 1)
        try observation.stop()
    }

    func testAReplayIsToldWhatTimeItIs() throws {
        let start = Date(timeIntervalSince1970: 1_735_689_600)
        let crm = try Crm.open(":memory:", replay: Replay(start: start, stepMicros: 0))
        let may = start.addingTimeInterval(122 * 86_400)
        XCTAssertEqual(try crm.setClock(to: may), may)
        XCTAssertEqual(try crm.contacts.create(["given_name": "Ann"]).createdAt, may)
        XCTAssertEqual(try crm.tick().at, may)
        XCTAssertThrowsError(try crm.setClock(to: start)) {
            XCTAssertEqual(($0 as? CrmError)?.name(), "out_of_range")
        }
    }

    func testWhatTakesLongTellsHowFarItIsAndCanBeCancelled() throws {
        let crm = try Crm.open(":memory:")
        let ann = try crm.contacts.create(["given_name": "Ann"])
        try crm.segments.define("named", of: "contact", where: "given_name is set")
        let told = Counter()
        let goOn: Imports.Watch = { _ in told.add(); return true }
        let subject = RecordRef(entityType: "contact", id: ann.id)
        let calls: [() throws -> Void] = [
            { try crm.tick(progress: goOn) },
            { _ = try crm.simulate(until: Date(timeIntervalSinceNow: 86_400), progress: goOn) },
            { _ = try crm.journal.verify(progress: goOn) },
            { _ = try crm.contacts.audit(progress: goOn) },
            { try crm.segments.refresh("named", progress: goOn) },
            { _ = try crm.privacy.access(subject, progress: goOn) },
        ]
        for (place, call) in calls.enumerated() {
            let before = told.value
            try call()
            XCTAssertGreaterThan(told.value, before, "call \(place)")
        }
        let stopped: [() throws -> Void] = [
            { _ = try crm.journal.verify { _ in false } },
            { _ = try crm.contacts.audit { _ in false } },
        ]
        for call in stopped {
            XCTAssertThrowsError(try call()) {
                XCTAssertEqual(($0 as? CrmError)?.name(), "interrupted")
            }
        }
    }

    func testBytesComeBackInPieces() throws {
        let crm = try Crm.open(":memory:")
        let content = Data((0..<600_000).map { UInt8(truncatingIfNeeded: $0) })
        let file = try crm.addFile(
            request: AddFile(name: "a.bin", mediaType: "application/octet-stream", content: content))
        let piece = try crm.readFile(
            request: ReadFile(hash: file.hash, offset: 262_140, length: 10))
        XCTAssertEqual(piece.content, content[262_140..<262_150])
        XCTAssertEqual(piece.size, 600_000)
    }

    func testWorkInTheBackground() async throws {
        let crm = try Crm.open(":memory:")
        let count = try await crm.background { crm in
            try crm.companies.create(["name": "Acme"])
            return try crm.companies.count()
        }
        XCTAssertEqual(count, 1)
    }

    func testKindsOfErrorsHaveNamesAndNumbers() throws {
        let error = CrmError.StaleVersion(detail: "old", field: "expected_version", hint: nil)
        XCTAssertEqual(error.name(), "stale_version")
        XCTAssertEqual(error.code(), 12)
        XCTAssertEqual(error.parts.field, "expected_version")
    }
}
