import Crm
import Foundation

// The branches of queries, saved views and timers.

extension Json {
    var number: Double? {
        switch self {
        case .integer(let number): Double(number)
        case .number(let number): number
        default: nil
        }
    }

    fileprivate func selectColumn() throws -> SelectColumn {
        _ = try only(
            "field", "related", "inverse", "type", "role", "event", "within", "from", "until",
            "where", "count", "sum", "min", "max", "mean", "first", "last", "currency", "lifecycle",
            "score", "as")
        return SelectColumn(
            field: self["field"].text, related: self["related"].text,
            inverse: self["inverse"].bool ?? false, entityType: self["type"].text,
            role: self["role"].text, event: self["event"].text, within: self["within"].text,
            from: try moment("from"), until: try moment("until"),
            condition: try condition("where"), count: self["count"].bool ?? false,
            sum: self["sum"].text, min: self["min"].text, max: self["max"].text,
            mean: self["mean"].text, first: self["first"].text, last: self["last"].text,
            currency: self["currency"].text, lifecycle: self["lifecycle"].text,
            score: self["score"].text, name: self["as"].text)
    }

    fileprivate func groupKey() throws -> GroupKey {
        _ = try only(
            "field", "bucket", "related", "inverse", "type", "role", "lifecycle", "score", "as")
        return GroupKey(
            field: try string("field"),
            bucket: try self["bucket"].text.map { name in
                try wanted(Bucket.allCases.first { "\($0)" == name })
            },
            related: self["related"].text, inverse: self["inverse"].bool ?? false,
            entityType: self["type"].text, role: self["role"].text,
            lifecycle: self["lifecycle"].text, score: self["score"].text, name: self["as"].text)
    }

    fileprivate func groupMeasure() throws -> GroupMeasure {
        _ = try only(
            "count", "sum", "mean", "min", "max", "distinct", "quantile", "of", "share",
            "currency", "where", "score", "as")
        return GroupMeasure(
            count: self["count"].bool ?? false, sum: self["sum"].text, mean: self["mean"].text,
            min: self["min"].text, max: self["max"].text, distinct: self["distinct"].text,
            quantile: self["quantile"].number, of: self["of"].text,
            share: try condition("share"), currency: self["currency"].text,
            condition: try condition("where"), score: self["score"].text, name: self["as"].text)
    }
}

let queryBranches: [String: Branch] = [
    "query.group": { try $0.groupRecords(request: try $1.groupRecords()).json },
    "query.pivot": { try $0.pivotRecords(request: try $1.pivotRecords()).json },
    "query.select": { try $0.selectRows(request: try $1.selectRows()).json },
]

private func viewName(_ given: Json) throws -> ViewName {
    ViewName(name: try given.only("name").string("name"))
}

let timerBranches: [String: Branch] = [
    "timers.next": { crm, given in
        _ = try given.only()
        return try crm.nextTimer(request: Empty()).json
    },
    "timers.simulate": { crm, given in
        let given = try given.only("until", "limit")
        return try crm.simulateTimers(
            request: SimulateTimers(
                until: try given.moment("until") ?? .distantPast, limit: given.limit("limit", 100))
        ).json
    },
    "timers.tick": { crm, given in
        let given = try given.only("until", "limit")
        return try crm.tickTimers(
            request: TickTimers(
                until: try given.moment("until"), limit: given.limit("limit", 100_000))
        ).json
    },
]

let viewBranches: [String: Branch] = [
    "views.archive": { try $0.archiveView(request: try viewName($1)).json },
    "views.get": { try $0.getView(request: try viewName($1)).json },
    "views.list": { crm, given in
        _ = try given.only()
        return json(try crm.listViews(request: Empty()))
    },
    "views.restore": { try $0.restoreView(request: try viewName($1)).json },
    "views.run": { crm, given in
        let given = try given.only("name", "after", "limit", "at")
        let answer = try crm.runView(
            request: RunView(
                name: try given.string("name"), after: given["after"].text,
                limit: given["limit"].integer.map { UInt32($0) }, at: try given.moment("at")))
        switch answer {
        case .rows(let page): return .object(["rows": page.json])
        case .pivot(let table): return .object(["pivot": table.json])
        }
    },
    "views.save": { crm, given in
        let given = try given.only("name", "label", "description", "query")
        return try crm.saveView(
            request: SaveView(
                name: try given.string("name"), label: given["label"].text ?? "",
                description: given["description"].text ?? "",
                query: try given["query"].viewQuery())
        ).json
    },
]

extension Json {
    fileprivate func viewQuery() throws -> ViewQuery {
        guard let (sort, query) = members?.first else { throw BadCase(description: "no query") }
        switch sort {
        case "select": return .select(try query.selectRows())
        case "group": return .group(try query.groupRecords())
        case "pivot": return .pivot(try query.pivotRecords())
        default: throw BadCase(description: "no query \(sort)")
        }
    }
}

extension SavedView: Wire {
    var json: Json {
        let asked: Json =
            switch query {
            case .select(let rows): .object(["select": .object(["type": .text(rows.entityType)])])
            case .group(let groups):
                .object(["group": .object(["type": .text(groups.entityType)])])
            case .pivot(let table): .object(["pivot": .object(["type": .text(table.entityType)])])
            }
        return .object([
            "name": .text(name), "label": .text(label), "description": .text(description),
            "query": asked, "archived_at": CrmTests.json(archivedAt),
        ])
    }
}

extension Json {
    func selectRows() throws -> SelectRows {
        _ = try only(
            "type", "where", "columns", "order", "archived", "after", "limit", "at", "zone")
        return SelectRows(
            entityType: try string("type"), condition: try condition("where"),
            columns: try list("columns") { try $0.selectColumn() },
            order: try list("order") {
                let order = try $0.only("field", "descending")
                return FieldOrder(
                    field: try order.string("field"),
                    descending: order["descending"].bool ?? false)
            },
            archived: archived, after: self["after"].text, limit: limit("limit", 100),
            at: try moment("at"), zone: self["zone"].text)
    }

    func groupRecords() throws -> GroupRecords {
        _ = try only(
            "type", "where", "by", "measures", "order", "archived", "after", "limit", "at", "zone")
        return GroupRecords(
            entityType: try string("type"), condition: try condition("where"),
            by: try list("by") { try $0.groupKey() },
            measures: try list("measures") { try $0.groupMeasure() },
            order: try list("order") {
                let order = try $0.only("column", "descending")
                return ResultOrder(
                    column: try order.string("column"),
                    descending: order["descending"].bool ?? false)
            },
            archived: archived, after: self["after"].text, limit: limit("limit", 10_000),
            at: try moment("at"), zone: self["zone"].text)
    }

    func pivotRecords() throws -> PivotRecords {
        _ = try only("type", "where", "rows", "columns", "measure", "archived", "at", "zone")
        return PivotRecords(
            entityType: try string("type"), condition: try condition("where"),
            rows: try list("rows") { try $0.groupKey() },
            columns: try list("columns") { try $0.groupKey() },
            measure: try self["measure"].groupMeasure(), archived: archived,
            at: try moment("at"), zone: self["zone"].text)
    }
}

extension ResultColumn: Wire {
    var json: Json { .object(["name": .text(name), "kind": .text(snake("\(kind)"))]) }
}

extension RowsPage: Wire {
    var json: Json {
        .object([
            "columns": CrmTests.json(columns), "rows": .array(rows.map { CrmTests.json($0) }),
            "next": CrmTests.json(next),
        ])
    }
}

extension PivotCell: Wire {
    var json: Json {
        .object([
            "value": value.json, "numerator": CrmTests.json(numerator),
            "denominator": CrmTests.json(denominator),
        ])
    }
}

extension PivotTable: Wire {
    var json: Json {
        .object([
            "rows": CrmTests.json(rows), "columns": CrmTests.json(columns),
            "measure": measure.json,
            "row_labels": .array(rowLabels.map { CrmTests.json($0) }),
            "column_labels": .array(columnLabels.map { CrmTests.json($0) }),
            "cells": .array(cells.map { CrmTests.json($0) }),
            "row_totals": CrmTests.json(rowTotals), "column_totals": CrmTests.json(columnTotals),
            "total": total.json,
        ])
    }
}
