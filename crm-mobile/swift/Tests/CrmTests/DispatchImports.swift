import Crm
import Foundation

// The branches of imports that are planned. A plan is handed back as it was answered.

extension Json {
    func mode() -> ImportMode {
        self["mode"].text == "update" ? .update : self["mode"].text == "upsert" ? .upsert : .create
    }

    func badCells() -> BadCells {
        self["bad_cells"].text == "leave_empty" ? .leaveEmpty : .rejectRow
    }

    func sourceFormat() -> SourceFormat {
        switch self["format"].text {
        case "json_lines": .jsonLines
        case "arrow": .arrow
        default: .csv
        }
    }

    func count(_ key: String) throws -> UInt64 { UInt64(try wanted(self[key].integer)) }

    func planImport() throws -> PlanImport {
        let given = try only(
            "type", "source", "columns", "mode", "key", "bad_cells", "associations", "activities",
            "stages")
        let source = try given["source"].only("format", "path", "text", "dialect")
        return PlanImport(
            entityType: try given.string("type"),
            source: ImportSource(
                format: source.sourceFormat(),
                path: source["path"].text, text: source["text"].text,
                dialect: try source.dialect()),
            columns: try given.list("columns") { try $0.column() }, mode: given.mode(),
            key: try given.list("key") { try $0.wanted($0.text) }, badCells: given.badCells(),
            associations: try given.list("associations") { try $0.associationColumns() },
            activities: try given.list("activities") { try $0.activityColumns() },
            stages: try given.starts())
    }

    func starts() throws -> [StartStage] {
        try list("stages") {
            let given = try $0.only("lifecycle", "stage", "column", "reason")
            return StartStage(
                lifecycle: try given.string("lifecycle"), stage: given["stage"].text,
                column: given["column"].text, reason: given["reason"].text)
        }
    }

    func associationColumns() throws -> AssociationColumns {
        let given = try only(
            "type", "column", "other_type", "by", "is_incoming", "separator", "role", "is_primary",
            "create_missing", "columns")
        return AssociationColumns(
            associationType: try given.string("type"), column: try given.string("column"),
            otherType: try given.string("other_type"), by: given["by"].text,
            isIncoming: given["is_incoming"].bool ?? false, separator: given["separator"].text,
            role: given["role"].text, isPrimary: given["is_primary"].bool ?? false,
            createMissing: given["create_missing"].bool ?? false,
            columns: try given.list("columns") { try $0.column() })
    }

    func activityColumns() throws -> ActivityColumns {
        let given = try only("kind", "columns", "channel", "direction")
        return ActivityColumns(
            kind: try given.string("kind"),
            columns: try given.list("columns") { try $0.column() }, channel: given["channel"].text,
            direction: given["direction"].text.map { $0 == "inbound" ? .inbound : .outbound })
    }

    func plan() throws -> ImportPlan {
        let given = try only(
            "request", "fingerprint", "seq", "rows", "create", "update", "unchanged", "conflict",
            "error", "associations", "activities", "others", "problems", "problem_counts",
            "unmapped")
        return ImportPlan(
            request: try given["request"].planImport(),
            fingerprint: try given.string("fingerprint"), seq: try wanted(given["seq"].integer),
            rows: try given.count("rows"), create: try given.count("create"),
            update: try given.count("update"), unchanged: try given.count("unchanged"),
            conflict: try given.count("conflict"), error: try given.count("error"),
            associations: try given.count("associations"),
            activities: try given.count("activities"), others: try given.count("others"),
            problems: try given.list("problems") {
                CellProblem(
                    row: try $0.count("row"), column: $0["column"].text,
                    kind: try $0.string("kind"), message: try $0.string("message"),
                    hint: $0["hint"].text, rejectsRow: $0["rejects_row"].bool ?? false)
            },
            problemCounts: try given.list("problem_counts") {
                ProblemCount(
                    column: $0["column"].text, kind: try $0.string("kind"), hint: $0["hint"].text,
                    count: try $0.count("count"))
            },
            unmapped: try given.list("unmapped") {
                UnmappedColumn(
                    column: try $0.string("column"), place: UInt32(try $0.count("place")),
                    cells: try $0.count("cells"), firstRow: $0["first_row"].integer.map(UInt64.init))
            })
    }
}

private func name(_ given: Json) throws -> ImportName {
    ImportName(id: try given.only("id").string("id"))
}

let importBranches: [String: Branch] = [
    "imports.apply": { crm, given in
        try crm.applyPlan(request: ApplyPlan(plan: try given.only("plan")["plan"].plan())).json
    },
    "imports.get": { try $0.getImport(request: try name($1)).json },
    "imports.list": { crm, given in
        let given = try given.only("after", "limit")
        let page = try crm.listImports(
            request: ListImports(after: given["after"].text, limit: given.limit("limit", 100)))
        return .object(["imports": json(page.imports), "next": json(page.next)])
    },
    "imports.plan": { try $0.planImport(request: try $1.planImport()).json },
    "imports.plan_rows": { crm, given in
        let given = try given.only("plan", "after", "limit", "decisions")
        let all: [RowDecision] = [.create, .update, .unchanged, .conflict, .error]
        let page = try crm.listPlanRows(
            request: ListPlanRows(
                plan: try given["plan"].plan(), after: UInt64(given["after"].integer ?? 0),
                limit: given.limit("limit", 100),
                decisions: try given.list("decisions") { name in
                    try name.wanted(all.first { "\($0)" == name.text })
                }))
        return .object([
            "rows": json(page.rows), "next": json(page.next.map(Int64.init)),
        ])
    },
    "imports.resume": { crm, given in
        let given = try given.only("id", "plan")
        return try crm.resumeImport(
            request: ResumeImport(id: try given.string("id"), plan: try given["plan"].plan())
        ).json
    },
    "imports.revert": { crm, given in
        let report = try crm.revertImport(request: try name(given))
        return .object([
            "import": report.import.json, "archived": json(report.archived),
            "restored": json(report.restored), "associations": json(report.associations),
            "left_count": json(report.leftCount),
            "left": json(report.left),
        ])
    },
]

extension PlanImport: Wire {
    var json: Json {
        .object([
            "type": .text(entityType),
            "source": .object([
                "format": .text(snake("\(source.format)")), "path": CrmTests.json(source.path),
                "text": CrmTests.json(source.text),
                "dialect": .object([
                    "delimiter": .text(source.dialect.delimiter),
                    "quote": .text(source.dialect.quote),
                    "encoding": CrmTests.json(source.dialect.encoding),
                ]),
            ]),
            "columns": CrmTests.json(columns), "mode": .text("\(mode)"),
            "key": .array(key.map { .text($0) }), "bad_cells": .text(snake("\(badCells)")),
            "associations": CrmTests.json(associations), "activities": CrmTests.json(activities),
            "stages": CrmTests.json(stages),
        ])
    }
}

extension StartStage: Wire {
    var json: Json {
        .object([
            "lifecycle": .text(lifecycle), "stage": CrmTests.json(stage),
            "column": CrmTests.json(column), "reason": CrmTests.json(reason),
        ])
    }
}

extension PlannedStage: Wire {
    var json: Json {
        .object(["lifecycle": .text(lifecycle), "stage": .text(stage)])
    }
}

extension AssociationColumns: Wire {
    var json: Json {
        .object([
            "type": .text(associationType), "column": .text(column), "other_type": .text(otherType),
            "by": CrmTests.json(by), "is_incoming": .bool(isIncoming),
            "separator": CrmTests.json(separator), "role": CrmTests.json(role),
            "is_primary": .bool(isPrimary), "create_missing": .bool(createMissing),
            "columns": CrmTests.json(columns),
        ])
    }
}

extension ActivityColumns: Wire {
    var json: Json {
        .object([
            "kind": .text(kind), "columns": CrmTests.json(columns),
            "channel": CrmTests.json(channel),
            "direction": direction.map { .text("\($0)") } ?? .null,
        ])
    }
}

extension PlannedAssociation: Wire {
    var json: Json {
        .object([
            "type": .text(associationType), "is_incoming": .bool(isIncoming),
            "other_type": .text(otherType), "other": CrmTests.json(other),
            "new_row": CrmTests.json(newRow.map(Int64.init)), "role": CrmTests.json(role),
            "is_primary": .bool(isPrimary),
        ])
    }
}

extension PlannedActivity: Wire {
    var json: Json {
        .object([
            "kind": .text(kind), "at": CrmTests.json(at),
            "properties": CrmTests.json(properties),
            "amount": amount.map { Value.money($0).json } ?? .null,
        ])
    }
}

extension ImportPlan: Wire {
    var json: Json {
        .object([
            "request": request.json, "fingerprint": .text(fingerprint), "seq": .integer(seq),
            "rows": CrmTests.json(rows), "create": CrmTests.json(create),
            "update": CrmTests.json(update), "unchanged": CrmTests.json(unchanged),
            "conflict": CrmTests.json(conflict), "error": CrmTests.json(error),
            "associations": CrmTests.json(associations), "activities": CrmTests.json(activities),
            "others": CrmTests.json(others),
            "problems": CrmTests.json(problems), "problem_counts": CrmTests.json(problemCounts),
            "unmapped": .array(
                unmapped.map {
                    .object([
                        "column": .text($0.column), "place": .integer(Int64($0.place)),
                        "cells": CrmTests.json($0.cells),
                        "first_row": CrmTests.json($0.firstRow.map(Int64.init)),
                    ])
                }),
        ])
    }
}

extension PlannedRow: Wire {
    var json: Json {
        .object([
            "row": CrmTests.json(row), "decision": .text("\(decision)"), "id": CrmTests.json(id),
            "changes": .array(
                changes.map {
                    .object([
                        "attribute": .text($0.attribute), "old": $0.old.json, "new": $0.new.json,
                        "new_row": CrmTests.json($0.newRow.map(Int64.init)),
                    ])
                }),
            "associations": CrmTests.json(associations), "activities": CrmTests.json(activities),
            "stages": CrmTests.json(stages), "problems": CrmTests.json(problems),
        ])
    }
}

extension Import: Wire {
    var json: Json {
        .object([
            "id": .text(id), "type": .text(entityType), "state": .text("\(state)"),
            "actor": .text(actor), "started_at": CrmTests.json(startedAt),
            "updated_at": CrmTests.json(updatedAt), "rows": CrmTests.json(rows),
            "created": CrmTests.json(created), "updated": CrmTests.json(updated),
            "unchanged": CrmTests.json(unchanged), "conflicts": CrmTests.json(conflicts),
            "errors": CrmTests.json(errors), "associations": CrmTests.json(associations),
            "activities": CrmTests.json(activities), "others": CrmTests.json(others),
        ])
    }
}

extension ImportRun: Wire {
    var json: Json {
        .object([
            "import": self.import.json, "problems": CrmTests.json(problems),
            "problem_counts": CrmTests.json(problemCounts),
        ])
    }
}

extension LeftChange: Wire {
    var json: Json {
        .object([
            "item": .text("\(item)"), "id": .text(id),
            "attribute": CrmTests.json(attribute), "actor": CrmTests.json(actor),
            "at": CrmTests.json(at), "kind": .text(kind),
        ])
    }
}
