import Crm
import Foundation
import XCTest

/// The vectors that all languages share (tests/conformance), through the typed interface.
final class ConformanceTests: XCTestCase {
    private struct Failed: Error, CustomStringConvertible { let description: String }

    private var folder: URL {
        let given = ProcessInfo.processInfo.environment["CRM_CONFORMANCE_DIR"]
        return URL(fileURLWithPath: given ?? "tests/conformance")
    }

    private func read(_ file: URL) throws -> Json { try JsonParser.parse(Data(contentsOf: file)) }

    func testEveryOperationHasABranch() throws {
        let operations = try read(folder.appendingPathComponent("operations.json")).array ?? []
        XCTAssertFalse(operations.isEmpty)
        for operation in operations {
            let name = try operation.string("name")
            XCTAssertNotNil(branches[name], "no branch for \(name)")
        }
        XCTAssertEqual(branches.count, operations.count)
    }

    func testEveryCase() throws {
        let files = try FileManager.default.contentsOfDirectory(
            at: folder.appendingPathComponent("cases"), includingPropertiesForKeys: nil)
        var found = 0
        var run = 0
        for file in files.sorted(by: { $0.path < $1.path }) where file.pathExtension == "json" {
            let cases = try read(file).array ?? []
            found += cases.count
            for one in cases {
                let name = "\(file.lastPathComponent): \(one["name"].text ?? "?")"
                do {
                    try perform(one)
                } catch {
                    XCTFail("\(name): \(error)")
                }
                run += 1
            }
        }
        print("\(run) cases run of \(found)")
        XCTAssertEqual(run, found)
        XCTAssertGreaterThan(run, 0)
    }

    private func perform(_ given: Json) throws {
        _ = try given.only("name", "why", "file", "steps")
        let home = FileManager.default.temporaryDirectory
            .appendingPathComponent(UUID().uuidString, isDirectory: true)
        try FileManager.default.createDirectory(at: home, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: home) }
        let path = given["file"].bool == true ? home.path + "/case.crm" : ":memory:"
        var saved: [String: Json] = ["dir": .text(home.path)]
        var crm: Crm? = try Crm(path: path, options: Json.object([:]).options())
        defer { try? crm?.close() }
        for (number, step) in (given["steps"].array ?? []).enumerated() {
            do {
                try self.step(step, &crm, path, &saved)
            } catch {
                throw Failed(description: "step \(number + 1): \(error)")
            }
        }
    }

    private func step(
        _ step: Json, _ crm: inout Crm?, _ path: String, _ saved: inout [String: Json]
    ) throws {
        if case let write = step["write"].filled(saved), !write.isNull {
            let bytes = Data(base64Encoded: try write.string("base64"))
            try bytes?.write(to: URL(fileURLWithPath: try write.string("path")))
            return
        }
        let outcome: Json
        do {
            outcome = try act(step, &crm, path, saved)
        } catch let error as CrmError {
            return try check(error, step["error"].filled(saved))
        }
        if !step["error"].isNull { throw Failed(description: "it succeeded") }
        if case let expected = step["out"].filled(saved), !expected.isNull,
            let fault = outcome.mismatch(expected)
        {
            throw Failed(description: fault)
        }
        for (name, pointer) in step["save"].members ?? [:] {
            saved[name] = outcome.at(pointer.text ?? "")
        }
    }

    private func act(_ step: Json, _ crm: inout Crm?, _ path: String, _ saved: [String: Json])
        throws -> Json
    {
        if case let actor = step["acting_as"].filled(saved), !actor.isNull {
            crm = try crm?.actingAs(actor: try actor.string("actor"), cause: actor["cause"].text)
        } else if step.members?["reopen"] != nil {
            try crm?.close()
            crm = nil
            crm = try Crm(path: path, options: step["reopen"].filled(saved).options())
        } else if case let open = step["open"].filled(saved), !open.isNull {
            try Crm(path: try open.string("path"), options: open["options"].options()).close()
        } else {
            guard let crm else { throw Failed(description: "there is no handle") }
            let given = step.members?["in"] == nil ? .object([:]) : step["in"].filled(saved)
            return try call(crm, try step.string("op"), given)
        }
        return .null
    }

    private func check(_ error: CrmError, _ expected: Json) throws {
        guard let kind = expected["kind"].text else { throw Failed(description: error.text()) }
        let parts = error.parts
        guard error.name() == kind else {
            throw Failed(description: "\(error.name()) instead of \(kind): \(error.text())")
        }
        if let field = expected["field"].text, field != parts.field {
            throw Failed(description: "field \(parts.field ?? "none") instead of \(field)")
        }
        if let hint = expected["hint"].text, hint != parts.hint {
            throw Failed(description: "hint \(parts.hint ?? "none") instead of \(hint)")
        }
        for text in expected["says"].array ?? [] where !parts.detail.contains(text.text ?? "") {
            throw Failed(description: "the message lacks \(text.text ?? "")")
        }
    }
}
