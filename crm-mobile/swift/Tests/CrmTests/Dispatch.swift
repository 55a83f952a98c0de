import Crm
import Foundation

/// One branch per operation: JSON → typed request → typed call → JSON.
func call(_ crm: Crm, _ operation: String, _ given: Json) throws -> Json {
    guard let run = branches[operation] else {
        throw BadCase(description: "no branch for \(operation)")
    }
    return try run(crm, given)
}

typealias Branch = (Crm, Json) throws -> Json

private func typeName(_ given: Json) throws -> TypeName {
    TypeName(entityType: try given.only("type").string("type"))
}

private func attributeName(_ given: Json) throws -> AttributeName {
    let given = try given.only("type", "attribute")
    return AttributeName(
        entityType: try given.string("type"), attribute: try given.string("attribute"))
}

private func listChanges(_ given: Json) throws -> ListChanges {
    let given = try given.only("after", "limit", "consumer")
    return ListChanges(
        after: given["after"].integer ?? 0, limit: given.limit("limit", 100),
        consumer: given["consumer"].text)
}

private func empty(_ given: Json) throws -> Empty {
    _ = try given.only()
    return Empty()
}

// One room after the other: a chain of calls of `merging` would take the type checker too long.
let branches: [String: Branch] = {
    let rooms: [[String: Branch]] = [
        schemaBranches, recordBranches, fileBranches, associationBranches, activityBranches,
        conditionBranches, queryBranches, viewBranches, timerBranches, segmentBranches,
        importBranches, learnedBranches, lifecycleBranches, ruleBranches, scoreBranches,
        consentBranches, journalBranches, privacyBranches, rightsBranches,
    ]
    var all: [String: Branch] = [:]
    for room in rooms { all.merge(room) { first, _ in first } }
    return all
}()

private let schemaBranches: [String: Branch] = [
    "attributes.archive": { try $0.archiveAttribute(request: try attributeName($1)).json },
    "attributes.define": { crm, given in
        let given = try given.only("type", "attribute")
        return try crm.defineAttribute(
            request: DefineAttribute(
                entityType: try given.string("type"),
                attribute: try given["attribute"].attribute())
        ).json
    },
    "attributes.restore": { try $0.restoreAttribute(request: try attributeName($1)).json },
    "types.archive": { try $0.archiveType(request: try typeName($1)).json },
    "types.define": { crm, given in
        let given = try given.only("name", "label", "description", "attributes")
        return try crm.defineType(
            request: DefineType(
                name: try given.string("name"), label: given["label"].text ?? "",
                description: given["description"].text ?? "",
                attributes: try given.list("attributes") { try $0.attribute() })
        ).json
    },
    "types.define_preset": { crm, given in
        let name = try given.only("preset").string("preset")
        guard let preset = Preset.allCases.first(where: { "\($0)" == name }) else {
            throw BadCase(description: "no preset \(name)")
        }
        return try crm.definePreset(request: DefinePreset(preset: preset)).json
    },
    "types.get": { try $0.getType(request: try typeName($1)).json },
    "types.list": { json(try $0.listTypes(request: try empty($1))) },
    "types.restore": { try $0.restoreType(request: try typeName($1)).json },
]

private let recordBranches: [String: Branch] = [
    "records.apply": { crm, given in
        let given = try given.only("changes", "all_or_nothing")
        return try crm.applyChanges(
            request: ApplyChanges(
                changes: try given.list("changes") { try $0.change() },
                allOrNothing: given["all_or_nothing"].bool ?? false)
        ).json
    },
    "records.archive": { crm, given in
        let given = try given.only("type", "id", "expected_version")
        return try crm.archiveRecord(
            request: ArchiveRecord(
                entityType: try given.string("type"), id: try given.string("id"),
                expectedVersion: given["expected_version"].integer)
        ).json
    },
    "records.audit": { crm, given in
        let given = try given.only("type", "at", "stale_after_days", "examples")
        return try crm.auditRecords(
            request: AuditRecords(
                entityType: try given.string("type"), at: try given.moment("at"),
                staleAfterDays: given.limit("stale_after_days", 365),
                examples: given.limit("examples", 5))
        ).json
    },
    "records.count": { crm, given in
        let given = try given.only("type", "filter", "where", "at", "zone", "archived")
        return json(
            try crm.countRecords(
                request: CountRecords(
                    entityType: try given.string("type"), filter: try given.values("filter"),
                    condition: try given.condition("where"), at: try given.moment("at"),
                    zone: given["zone"].text, archived: given.archived)))
    },
    "records.create": { try $0.createRecord(request: try $1.create()).json },
    "records.get": { crm, given in
        let given = try given.only("type", "id")
        return try crm.getRecord(
            request: GetRecord(entityType: try given.string("type"), id: try given.string("id"))
        ).json
    },
    "records.get_by": { crm, given in
        let given = try given.only("type", "attribute", "value")
        return try crm.getRecordBy(
            request: GetRecordBy(
                entityType: try given.string("type"), attribute: try given.string("attribute"),
                value: try given["value"].value())
        ).json
    },
    "records.get_many": { crm, given in
        let given = try given.only("type", "attribute", "keys")
        let found = try crm.getManyRecords(
            request: GetManyRecords(
                entityType: try given.string("type"), attribute: given["attribute"].text,
                keys: try given.list("keys") { try $0.value() }))
        return .object(["records": .array(found.records.map { $0?.json ?? .null })])
    },
    "records.history": { crm, given in
        let given = try given.only("type", "id", "attribute", "after", "limit")
        let page = try crm.getHistory(
            request: GetHistory(
                entityType: try given.string("type"), id: try given.string("id"),
                attribute: given["attribute"].text, after: given["after"].integer ?? 0,
                limit: given.limit("limit", 100)))
        return .object(["entries": json(page.entries), "next": json(page.next)])
    },
    "records.list": { crm, given in
        let given = try given.only(
            "type", "filter", "where", "at", "zone", "order", "archived", "after", "limit")
        let order = try given["order"].only("attribute", "descending")
        let page = try crm.listRecords(
            request: ListRecords(
                entityType: try given.string("type"), filter: try given.values("filter"),
                condition: try given.condition("where"), at: try given.moment("at"),
                zone: given["zone"].text,
                order: order.isNull
                    ? nil
                    : Order(
                        attribute: try order.string("attribute"),
                        descending: order["descending"].bool ?? false),
                archived: given.archived, after: given["after"].text,
                limit: given.limit("limit", 100)))
        return .object(["records": json(page.records), "next": json(page.next)])
    },
    "records.patch": { try $0.patchRecord(request: try $1.patch()).json },
    "records.restore": { crm, given in
        let given = try given.only("type", "id", "expected_version")
        return try crm.restoreRecord(
            request: RestoreRecord(
                entityType: try given.string("type"), id: try given.string("id"),
                expectedVersion: given["expected_version"].integer)
        ).json
    },
    "records.upsert": { crm, given in
        let upserted = try crm.upsertRecord(request: try given.upsert())
        return .object([
            "record": upserted.record.json, "outcome": .text("\(upserted.outcome)"),
        ])
    },
]

private let fileBranches: [String: Branch] = [
    "changes.cloud_events": { crm, given in
        let page = try crm.listCloudEvents(request: try listChanges(given))
        let events = try page.events.map { try JsonParser.parse(Data($0.utf8)) }
        return .object(["events": .array(events), "next": .integer(page.next)])
    },
    "changes.list": { crm, given in
        let page = try crm.listChanges(request: try listChanges(given))
        return .object(["changes": json(page.changes), "next": .integer(page.next)])
    },
    "consumers.acknowledge": { crm, given in
        let given = try given.only("consumer", "seq")
        return try crm.acknowledgeChanges(
            request: AcknowledgeChanges(
                consumer: try given.string("consumer"), seq: try given.wanted(given["seq"].integer))
        ).json
    },
    "consumers.list": { json(try $0.listConsumers(request: try empty($1))) },
    "consumers.remove": { crm, given in
        let name = try given.only("consumer").string("consumer")
        _ = try crm.removeConsumer(request: ConsumerName(consumer: name))
        return .object([:])
    },
    "csv.export": { crm, given in
        let given = try given.only(
            "type", "path", "attributes", "personal", "filter", "archived", "dialect", "profile")
        let report = try crm.exportCsv(
            request: ExportCsv(
                entityType: try given.string("type"), path: given["path"].text,
                attributes: try given.list("attributes") { try $0.wanted($0.text) },
                personal: given["personal"].bool ?? false,
                filter: try given.values("filter"), archived: given.archived,
                dialect: try given.dialect(),
                profile: given["profile"].text == "spreadsheet" ? .spreadsheet : .machine))
        return .object([
            "rows": json(report.rows), "bytes": json(report.bytes), "text": json(report.text),
            "hidden": .array(report.hidden.map { .text($0) }),
        ])
    },
    "csv.import": { crm, given in
        let given = try given.only(
            "type", "path", "text", "columns", "dialect", "mode", "key", "bad_cells", "stages",
            "all_or_nothing")
        return try crm.importCsv(
            request: ImportCsv(
                entityType: try given.string("type"), path: given["path"].text,
                text: given["text"].text, columns: try given.list("columns") { try $0.column() },
                dialect: try given.dialect(),
                mode: given.mode(), key: given["key"].text, badCells: given.badCells(),
                stages: try given.starts(), allOrNothing: given["all_or_nothing"].bool ?? false)
        ).json
    },
    "csv.propose": { crm, given in
        let given = try given.only("type", "path", "text", "dialect")
        let proposal = try crm.proposeMapping(
            request: ProposeMapping(
                entityType: try given.string("type"), path: given["path"].text,
                text: given["text"].text, dialect: try given.dialect()))
        let additions = proposal.additions.map {
            Json.object(["attribute": $0.attribute.json, "columns": json($0.columns)])
        }
        return .object([
            "export": json(proposal.export), "columns": json(proposal.columns),
            "unmapped": .array(proposal.unmapped.map { .text($0) }),
            "additions": .array(additions), "associations": json(proposal.associations),
        ])
    },
    "vcard.export": { crm, given in
        let given = try given.only(
            "type", "path", "version", "mapping", "remainder", "filter", "archived")
        let version = given["version"].text
        let report = try crm.exportVcard(
            request: ExportVcard(
                entityType: try given.string("type"), path: given["path"].text,
                version: version == "2.1" ? .v2 : version == "4.0" ? .v4 : .v3,
                mapping: try given.list("mapping") { try $0.card() },
                remainder: given["remainder"].text, filter: try given.values("filter"),
                archived: given.archived))
        return .object([
            "rows": json(report.rows), "bytes": json(report.bytes), "text": json(report.text),
            "hidden": .array(report.hidden.map { .text($0) }),
        ])
    },
    "vcard.import": { crm, given in
        let given = try given.only(
            "type", "path", "text", "mapping", "remainder", "encoding", "create_missing", "mode",
            "key", "stages", "all_or_nothing")
        let mode = given["mode"].text
        return try crm.importVcard(
            request: ImportVcard(
                entityType: try given.string("type"), path: given["path"].text,
                text: given["text"].text, mapping: try given.list("mapping") { try $0.card() },
                remainder: given["remainder"].text, encoding: given["encoding"].text,
                createMissing: given["create_missing"].bool ?? false,
                mode: mode == "update" ? .update : mode == "upsert" ? .upsert : .create,
                key: given["key"].text, stages: try given.starts(),
                allOrNothing: given["all_or_nothing"].bool ?? false)
        ).json
    },
    "database.backup": { crm, given in
        _ = try crm.backupTo(request: BackupTo(path: try given.only("path").string("path")))
        return .object([:])
    },
    "database.compact": { crm, given in
        _ = try crm.compact(request: try empty(given))
        return .object([:])
    },
    "database.info": { crm, given in
        let info = try crm.info(request: try empty(given))
        return .object([
            "version": .text(info.version), "sqlite_version": .text(info.sqliteVersion),
            "schema_version": .integer(Int64(info.schemaVersion)),
        ])
    },
    "database.restore": { crm, given in
        let given = try given.only("from", "to")
        let request = RestoreTo(from: try given.string("from"), to: try given.string("to"))
        let restored = try crm.restoreTo(request: request)
        return .object([
            "schema_version": .integer(Int64(restored.schemaVersion)),
            "listed": json(restored.listed), "erased": json(restored.erased),
            "absent": json(restored.absent), "known": json(restored.known),
            "foreign_hashes": json(restored.foreignHashes),
            "blockers": json(restored.blockers),
        ])
    },
    "database.set_clock": { crm, given in
        let to = try given.wanted(try given.only("to").moment("to"))
        return .object(["now": json(try crm.setClock(request: SetClock(to: to)).now)])
    },
    "database.sql": { crm, given in
        let given = try given.only("sql", "parameters", "limit", "timeout_ms")
        let result = try crm.sql(
            request: RunSql(
                sql: try given.string("sql"),
                parameters: try given.list("parameters") { try $0.value() },
                limit: given.limit("limit", 1000), timeoutMs: given.limit("timeout_ms", 5000)))
        return .object([
            "columns": .array(result.columns.map { .text($0) }),
            "rows": .array(result.rows.map { json($0) }), "is_truncated": .bool(result.isTruncated),
        ])
    },
    "database.stats": { try $0.stats(request: try empty($1)).json },
    "database.verify": { crm, given in
        let report = try crm.verify(request: try empty(given))
        return .object([
            "is_ok": .bool(report.isOk), "records": json(report.records),
            "activities": json(report.activities), "associations": json(report.associations),
            "problems": .array(report.problems.map { .text($0) }),
        ])
    },
    "files.add": { crm, given in
        let given = try given.only("name", "media_type", "content")
        guard let content = Data(base64Encoded: try given.string("content")) else {
            throw BadCase(description: "content is no base64")
        }
        return try crm.addFile(
            request: AddFile(
                name: try given.string("name"), mediaType: try given.string("media_type"),
                content: content)
        ).json
    },
    "files.read": { crm, given in
        let given = try given.only("hash", "offset", "length")
        let piece = try crm.readFile(
            request: ReadFile(
                hash: try given.string("hash"), offset: UInt64(given["offset"].integer ?? 0),
                length: given.limit("length", 1_048_576)))
        return .object([
            "content": .text(piece.content.base64EncodedString()), "size": json(piece.size),
        ])
    },
]
